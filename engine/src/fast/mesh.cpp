// The clock of the fast engine: which cycle is next, and when a call of `run` ends.
#include "mesh.h"

#include <algorithm>

namespace wafersim::fast {

FastMesh::FastMesh(Image image, const Settings& settings)
    : FastMesh(std::move(image), settings, std::make_unique<Call>()) {}

FastMesh::FastMesh(Image image, const Settings& settings, std::unique_ptr<Call> call)
    : Mesh(std::move(image), settings, 1,
           [&](const Wafer& wafer, uint32_t first, uint32_t last) {
               return std::make_unique<FastRegion>(wafer, first, last, *call);
           }),
      call_(std::move(call)) {
    each_region([](FastRegion& region) { region.start(); });
}

RunResult FastMesh::run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    if (fault_) return RunResult::fault;
    call_->end = max_cycles > never - now_ ? never : now_ + max_cycles;
    call_->awaits = !tickets.empty();
    call_->awaited.assign(tickets_.size() + 1, 0);
    for (uint32_t number : tickets) call_->awaited[ticket(number).remaining ? number : 0] = 1;
    const RunResult result = go(tickets);
    gather_reports();
    return result;
}

RunResult FastMesh::go(const std::vector<uint32_t>& tickets) {
    while (true) {
        const bool done = call_->awaits && all_done(tickets);
        if (done || now_ >= call_->end) {
            each_region([this](FastRegion& region) { region.settle(now_); });
            return done ? RunResult::done : RunResult::budget;
        }
        tick();
        if (fault_) return RunResult::fault;
        const uint64_t next = next_cycle();
        if (next == never) return any_open() ? RunResult::deadlock : RunResult::idle;
        now_ = std::min(next, call_->end);
    }
}

void FastMesh::tick() {
    host_phase();
    if (fault_) return;
    each_region([&](FastRegion& region) { region.work(now_); });
    finish_cycle();
}

// The first cycle in which something may happen.
uint64_t FastMesh::next_cycle() {
    bool at_once = fed_;
    uint64_t next = next_feed_;
    each_region([&](FastRegion& region) {
        at_once = at_once || region.progress() || region.due_next_cycle();
        next = std::min(next, region.next_event());
    });
    if (at_once) return now_ + 1;
    each_region([&](FastRegion& region) { next = std::min(next, region.next_wake()); });
    return next == never ? never : std::max(next, now_ + 1);
}

}  // namespace wafersim::fast
