// The clock of the wafer. `tick` is one cycle: what the host does, then what the region does (region.cpp).
#include "wafersim/mesh.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace wafersim {

// Zeroed storage for the words of a PE that has this program.
uint16_t* Mesh::allocate(const Program& program) {
    constexpr size_t line = 32, block = size_t{1} << 20;
    // Whole lines of the host's caches, an odd number of them: else the same variable of all PEs could want the same ones.
    const size_t words = ((static_cast<size_t>(program.stored_words) + line - 1) / line | 1) * line;
    if (memory_.empty() || free_words_ < words) {
        free_words_ = std::max(block, words);
        memory_.emplace_back(static_cast<uint16_t*>(std::calloc(free_words_, sizeof(uint16_t))));
        if (!memory_.back()) throw std::bad_alloc();
        next_words_ = memory_.back().get();
    }
    free_words_ -= words;
    return std::exchange(next_words_, next_words_ + words);
}

// By PE, block by block as their other state.
std::vector<uint16_t*> Mesh::allocate_all() {
    std::vector<uint16_t*> words(image_.tiles.size());
    constexpr int side = Arenas::side;
    for (int top = 0; top < image_.height; top += side)
        for (int left = 0; left < image_.width; left += side)
            for (int y = top; y < std::min(top + side, image_.height); ++y)
                for (int x = left; x < std::min(left + side, image_.width); ++x) {
                    const auto i = static_cast<size_t>(y * image_.width + x);
                    const int program = image_.tiles[i].program;
                    if (program != none) words[i] = allocate(image_.programs[static_cast<size_t>(program)]);
                }
    return words;
}

Mesh::Mesh(Image image, const Settings& settings)
    : Mesh(std::move(image), settings, 1, [](const Wafer& wafer) { return std::make_unique<Region>(wafer); }) {}

Mesh::Mesh(Image image, const Settings& settings, int regions, const MakeRegion& make)
    : image_(std::move(image)),
      machine_(settings),
      arenas_(image_.width, image_.height),
      routers_(image_.tiles.size()),
      wake_(image_.tiles.size(), 0) {
    for (Program& program : image_.programs) Pe::bind_tasks(program);
    pes_.reserve(image_.tiles.size());  // regions know from now on where they are
    const Wafer wafer{image_, machine_, routers_, {pes_.data(), image_.tiles.size()}, wake_, tickets_, arenas_};
    for (int n = 0; n < regions; ++n) regions_.push_back(make(wafer));
    Environment& env = first_region().environment();
    const std::vector<uint16_t*> words = allocate_all();
    use_large_pages(pes_.data(), pes_.capacity() * sizeof(Pe));
    for (uint32_t i = 0; i < image_.tiles.size(); ++i) {
        const Tile& tile = image_.tiles[i];
        const Program* program = tile.program == none ? nullptr : &image_.programs[static_cast<size_t>(tile.program)];
        Arena& arena = arenas_.of(i);
        routers_[i].configure(image_.routings[static_cast<size_t>(tile.routing)], machine_, arena);
        const int x = static_cast<int>(i) % image_.width, y = static_cast<int>(i) / image_.width;
        pes_.emplace_back(env, arena, routers_[i], program, x, y, words[i], image_.patches_of(tile));
    }
}

RunResult Mesh::run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    if (fault_) return RunResult::fault;
    Region& all = first_region();
    const uint64_t end = now_ + max_cycles;
    while (true) {
        if (!tickets.empty() && all_done(tickets)) return RunResult::done;
        if (now_ >= end) return RunResult::budget;
        if (!tick()) return RunResult::fault;
        const uint64_t next = std::min(all.next_event(), next_feed_);
        if (fed_ || all.progress()) ++now_;
        else if (next != never) now_ = std::min(std::max(next, now_ + 1), end);
        else return any_open() ? RunResult::deadlock : RunResult::idle;
        all.environment().now = now_;
    }
}

// One cycle. False: a PE or router has faulted.
bool Mesh::tick() {
    Region& all = first_region();
    host_phase();
    all.begin(now_);
    if (!fault_) {
        try {
            all.router_phase();
            all.ramp_phase();
            all.pe_phase();
            all.task_phase();
        } catch (const std::exception& error) {
            all.note(error);
        }
        finish_cycle();
    }
    gather_reports();
    return !fault_;
}

// Links of the host inject wavelets.
void Mesh::host_phase() {
    fed_ = false;
    next_feed_ = never;
    if (!feeds_.empty()) feed_all();
}

// What ended and what left the fabric in the last cycles is booked; the first fault counts.
void Mesh::finish_cycle() {
    std::vector<Left> all_left;
    for (const auto& region : regions_) {
        all_left.insert(all_left.end(), region->left().begin(), region->left().end());
        region->left().clear();
        std::vector<uint32_t>& finished = region->environment().finished;
        for (uint32_t number : finished) --tickets_[number - 1].remaining;
        finished.clear();
        if (region->fault() && (!fault_ || region->fault()->before(*fault_))) fault_ = region->fault();
    }
    std::stable_sort(all_left.begin(), all_left.end(), [](const Left& a, const Left& b) { return a.cycle < b.cycle; });
    for (const Left& left : all_left) collect(left);
}

bool Mesh::all_done(const std::vector<uint32_t>& tickets) const {
    return std::all_of(tickets.begin(), tickets.end(), [&](uint32_t n) { return ticket(n).remaining == 0; });
}

bool Mesh::any_open() const {
    return std::any_of(tickets_.begin(), tickets_.end(), [](const Ticket& t) { return t.remaining != 0; });
}

const Ticket& Mesh::ticket(uint32_t number) const {
    if (number == 0 || number > tickets_.size()) throw std::invalid_argument("no ticket " + std::to_string(number));
    return tickets_[number - 1];
}

Pe& Mesh::pe(int x, int y) {
    if (x < 0 || y < 0 || x >= image_.width || y >= image_.height) {
        throw std::out_of_range("PE(" + std::to_string(x) + "," + std::to_string(y) + ") is outside of the " +
                                std::to_string(image_.width) + " x " + std::to_string(image_.height) + " PEs");
    }
    return pes_[static_cast<size_t>(y * image_.width + x)];
}

std::vector<LogLine> Mesh::take_log() {
    std::vector<LogLine> log;
    log.swap(log_);
    return log;
}

namespace {

// What all regions have to tell, in the order of cycles and PEs.
template <class T>
std::vector<T> gather(const std::vector<std::unique_ptr<Region>>& regions, std::vector<T> Environment::* list) {
    std::vector<T> all;
    for (const auto& region : regions) {
        std::vector<T>& part = region->environment().*list;
        std::move(part.begin(), part.end(), std::back_inserter(all));
        part.clear();
    }
    std::stable_sort(all.begin(), all.end(), [](const T& a, const T& b) { return earlier(a, b); });
    return all;
}

}  // namespace

// In the order of cycles and, within one, of PEs.
void Mesh::gather_reports() {
    for (LogLine& line : gather(regions_, &Environment::log))
        if (comes_before_fault(line.cycle, line.x, line.y)) log_.push_back(std::move(line));
    for (FaultReport& report : gather(regions_, &Environment::warnings)) {
        const auto same = [&](const FaultReport& known) { return same_place(known, report); };
        const bool known = std::any_of(warnings_.begin(), warnings_.end(), same);
        if (!known && comes_before_fault(report.cycle, report.x, report.y)) warnings_.push_back(std::move(report));
    }
}

// What a PE's threads have told is not told if a fault came first: some PEs are ahead of others.
bool Mesh::comes_before_fault(uint64_t cycle, int x, int y) const {
    if (!fault_ || cycle < fault_->report.cycle) return true;
    if (cycle > fault_->report.cycle) return false;
    if (fault_->phase > Phase::threads) return true;
    return fault_->phase == Phase::threads && static_cast<uint32_t>(y * image_.width + x) <= fault_->number;
}

void Mesh::set_strict(bool strict) {
    for (const auto& region : regions_) region->environment().strict = strict;
}

void Mesh::watch(std::shared_ptr<Observer> observer) {
    for (const auto& region : regions_) region->environment().observers.push_back(observer);
}

void Mesh::stop_watching() {
    for (const auto& region : regions_) region->environment().observers.clear();
}

}  // namespace wafersim
