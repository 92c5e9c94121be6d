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

Mesh::Mesh(Image image, const Settings& settings)
    : Mesh(std::move(image), settings, 1, [](const Wafer& wafer, uint32_t first, uint32_t last) {
          return std::make_unique<Region>(wafer, first, last);
      }) {}

Mesh::Mesh(Image image, const Settings& settings, int regions, const MakeRegion& make)
    : image_(std::move(image)),
      machine_(settings),
      routers_(image_.tiles.size()),
      wake_(image_.tiles.size(), 0),
      region_of_row_(static_cast<size_t>(image_.height)) {
    for (Program& program : image_.programs) Pe::bind_tasks(program);
    make_regions(std::clamp(regions, 1, image_.height), make);
    pes_.reserve(image_.tiles.size());
    use_large_pages(pes_.data(), pes_.capacity() * sizeof(Pe));
    for (uint32_t i = 0; i < image_.tiles.size(); ++i) {
        const Tile& tile = image_.tiles[i];
        const Program* program = tile.program == none ? nullptr : &image_.programs[static_cast<size_t>(tile.program)];
        routers_[i].configure(image_.routings[static_cast<size_t>(tile.routing)], machine_,
                              region_of(i).environment().arena);
        const int x = static_cast<int>(i) % image_.width, y = static_cast<int>(i) / image_.width;
        pes_.emplace_back(region_of(i).environment(), routers_[i], program, x, y,
                          program ? allocate(*program) : nullptr, image_.patches_of(tile));
    }
}

// Bands of rows with about the same number of programs each; a router alone counts a little, too.
void Mesh::make_regions(int count, const MakeRegion& make) {
    const Wafer wafer{image_, machine_, routers_, pes_, wake_, tickets_};
    const int width = image_.width, height = image_.height;
    std::vector<int64_t> above{0};  // by row: weight of the rows above it
    for (int y = 0; y < height; ++y) {
        const auto row = image_.tiles.begin() + y * width;
        const auto programs = std::count_if(row, row + width, [](const Tile& tile) { return tile.program != none; });
        above.push_back(above.back() + 8 * programs + width);
    }
    int top = 0;
    for (int n = 0; n < count; ++n) {
        int end = top + 1;
        while (end < height - (count - n - 1) && above[static_cast<size_t>(end)] * count < above.back() * (n + 1)) ++end;
        if (n + 1 == count) end = height;
        std::fill(region_of_row_.begin() + top, region_of_row_.begin() + end, static_cast<uint32_t>(n));
        regions_.push_back(make(wafer, static_cast<uint32_t>(top * width), static_cast<uint32_t>(end * width)));
        top = end;
    }
}

RunResult Mesh::run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    if (fault_) return RunResult::fault;
    Region& all = *regions_.front();
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
    Region& all = *regions_.front();
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

// What ended and what left the fabric in this cycle is booked; the first fault counts.
void Mesh::finish_cycle() {
    for (const auto& region : regions_) {
        for (const Left& left : region->left()) collect(left);
        region->left().clear();
        std::vector<uint32_t>& finished = region->environment().finished;
        for (uint32_t number : finished) --tickets_[number - 1].remaining;
        finished.clear();
        if (region->fault() && (!fault_ || region->fault()->before(*fault_))) fault_ = region->fault();
    }
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

// What regions have to tell: those above first.
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

// What a PE's threads have told in a cycle is not told if a fault came first. Regions at work at the same time do not
// know of each other's faults.
bool Mesh::comes_before_fault(uint64_t cycle, int x, int y) const {
    if (!fault_ || cycle < fault_->report.cycle || fault_->phase > Phase::threads) return true;
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
