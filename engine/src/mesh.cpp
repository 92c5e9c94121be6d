// The clock of the wafer. `tick` is one cycle; everything it calls is in fabric.cpp, host.cpp and the files of Pe.
#include "wafersim/mesh.h"

#include <algorithm>
#include <cstdlib>
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
    : image_(std::move(image)),
      machine_(settings),
      env_(machine_, image_),
      routers_(image_.tiles.size()),
      busy_routers_(image_.tiles.size()),
      busy_ramps_(image_.tiles.size()),
      busy_pes_(image_.tiles.size()),
      wake_(image_.tiles.size(), 0) {
    pes_.reserve(image_.tiles.size());
    for (uint32_t i = 0; i < image_.tiles.size(); ++i) {
        const Tile& tile = image_.tiles[i];
        const Program* program = tile.program == none ? nullptr : &image_.programs[static_cast<size_t>(tile.program)];
        routers_[i].configure(image_.routings[static_cast<size_t>(tile.routing)], machine_);
        const int x = static_cast<int>(i) % image_.width, y = static_cast<int>(i) / image_.width;
        pes_.emplace_back(env_, routers_[i], program, x, y, program ? allocate(*program) : nullptr,
                          image_.patches_of(tile));
        if (program) busy_pes_.add(i);
    }
}

RunResult Mesh::run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    if (fault_) return RunResult::fault;
    const uint64_t end = env_.now + max_cycles;
    while (true) {
        if (!tickets.empty() && all_done(tickets)) return RunResult::done;
        if (env_.now >= end) return RunResult::budget;
        progress_ = false;
        next_event_ = never;
        if (!tick()) return RunResult::fault;
        if (progress_) ++env_.now;
        else if (next_event_ != never) env_.now = std::min(std::max(next_event_, env_.now + 1), end);
        else return any_open() ? RunResult::deadlock : RunResult::idle;
    }
}

// One cycle. False: a PE or router has faulted.
bool Mesh::tick() {
    try {
        host_phase();
        router_phase();
        ramp_phase();
        pe_phase();
        task_phase();
        observe_phase();
        return true;
    } catch (const std::exception& error) {
        report_fault(pes_[guarded_], error.what(), fault_in_pe_);
        return false;
    }
}

// 1. Links of the host inject wavelets.
void Mesh::host_phase() {
    fault_in_pe_ = false;
    if (!feeds_.empty()) feed_all();
}

// 2. Routers decide from the state at the start of the cycle, then all moves are carried out.
void Mesh::router_phase() {
    moves_.clear();
    busy_routers_.each([&](uint32_t i) { decide(guarded_ = i); });
    for (const Move& move : moves_) {
        guarded_ = move.router;
        carry_out(move);
    }
}

// 3. One wavelet of each PE goes up its ramp.
void Mesh::ramp_phase() {
    busy_ramps_.each([&](uint32_t i) { take_from_pe(guarded_ = i); });
}

// 4. Main thread and microthreads advance.
void Mesh::pe_phase() {
    fault_in_pe_ = true;
    busy_pes_.each([&](uint32_t i) {
        if (wake_[i] > env_.now) return;
        guarded_ = i;
        if (pes_[i].step()) progress_ = true;
    });
}

// 5. Activations become visible, schedulers pick, the host's commands are taken, PEs say when to look again.
void Mesh::task_phase() {
    busy_pes_.each([&](uint32_t i) {
        if (wake_[i] > env_.now) {
            next_event_ = std::min(next_event_, wake_[i]);
            return;
        }
        guarded_ = i;
        Pe& pe = pes_[i];
        if (pe.schedule()) progress_ = true;
        else if (!pe.commands.empty() && pe.command_due <= env_.now && pe.host_may_command()) command(i);
        if (pe.sending) busy_ramps_.add(i);
        if (routers_[i].waiting > 0) busy_routers_.add(i);  // a register may have changed its routes
        wake_[i] = pe.next_wake();
        if (wake_[i] == never) busy_pes_.remove(i);
        else next_event_ = std::min(next_event_, wake_[i]);
    });
}

// 6. What ended in this cycle is booked.
void Mesh::observe_phase() {
    for (uint32_t number : env_.finished) complete_on_pe(tickets_[number - 1]);
    env_.finished.clear();
}

void Mesh::wake(uint32_t pe, uint64_t cycle) {
    if (!pes_[pe].alive()) return;
    if (!busy_pes_.contains(pe)) {
        busy_pes_.add(pe);
        wake_[pe] = cycle;
    }
    wake_[pe] = std::min(wake_[pe], cycle);
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
    log.swap(env_.log);
    return log;
}

void Mesh::report_fault(const Pe& pe, const std::string& message, bool in_pe) {
    fault_ = in_pe && pe.program ? pe.report(message) : FaultReport{pe.x, pe.y, env_.now, message, {}, {}, {}, 0, 0};
}

}  // namespace wafersim
