// The clock of the fast engine: which cycle is next, who works on it, and when a call of `run` ends.
#include "mesh.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace wafersim::fast {

namespace {

constexpr int pes_a_thread = 2048;      // fewer are not worth a thread

// Never more than there is work for; as many as the process may use where nobody has said how many.
Threads resolved(Threads t, const Image& image) {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const int worth = static_cast<int>(image.tiles.size()) / pes_a_thread;
    if (t.threads <= 0) t.threads = std::clamp(worth, 1, cores);
    if (t.regions <= 0) t.regions = t.threads;
    t.regions = std::clamp(t.regions, 1, image.height);
    t.threads = std::min(t.threads, t.regions);
    return t;
}

}  // namespace

FastMesh::FastMesh(Image image, const Settings& settings, Threads threads)
    : FastMesh(std::move(image), settings, resolved(threads, image), std::make_unique<Call>()) {}

FastMesh::FastMesh(Image image, const Settings& settings, Threads threads, std::unique_ptr<Call> call)
    : Mesh(std::move(image), settings, threads.regions,
           [&](const Wafer& wafer, uint32_t first, uint32_t last) {
               return std::make_unique<FastRegion>(wafer, first, last, *call);
           }),
      threads_(threads),
      call_(std::move(call)) {
    for (size_t n = 0; n < regions_.size(); ++n)
        region(n).start(n > 0 ? &region(n - 1) : nullptr, n + 1 < regions_.size() ? &region(n + 1) : nullptr);
}

FastMesh::~FastMesh() {
    if (process_ != getpid()) (void)team_.release();
}

RunResult FastMesh::run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    if (fault_) return RunResult::fault;
    call_->end = max_cycles > never - now_ ? never : now_ + max_cycles;
    call_->awaits = !tickets.empty();
    call_->awaited.assign(tickets_.size() + 1, 0);
    for (uint32_t number : tickets) call_->awaited[ticket(number).remaining ? number : 0] = 1;
    tickets_of_call_ = tickets;
    result_.reset();
    pace_.resume();
    go();
    pace_.pause();
    each_region([](FastRegion& region) { region.read_mail(); });
    if (*result_ == RunResult::done || *result_ == RunResult::budget)
        each_region([this](FastRegion& region) { region.settle(now_); });
    gather_reports();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return *result_;
}

void FastMesh::go() {
    if (!open_cycle()) return;
    choose_mode();
    while (!result_) together_ ? work_together() : work_alone();
}

// Cycle by cycle, until the call ends or there is enough to do for all threads.
void FastMesh::work_alone() {
    do {
        if (is_watched()) {  // phase by phase, as observers see events in the order of the reference engine
            each_region([this](FastRegion& region) { region.work_routers(now_); });
            each_region([](FastRegion& region) { region.work_pes(); });
        } else {
            each_region([this](FastRegion& region) { region.work(now_); });
        }
        close_cycle();
    } while (!result_ && !together_);
}

void FastMesh::work_together() {
    if (team_ && process_ != getpid()) (void)team_.release();  // a copy of the process has no copies of its threads
    if (!team_) team_ = std::make_unique<Team>(threads_.threads);
    process_ = getpid();
    team_->run([&](int thread) {
        do {
            each_region_of(thread, [this](FastRegion& region) { region.work(now_); });
            team_->meet([this] { close_cycle(); });
        } while (!result_ && together_);
    });
}

// False: the call has ended before this cycle.
bool FastMesh::open_cycle() {
    if (call_->awaits && all_done(tickets_of_call_)) result_ = RunResult::done;
    else if (now_ >= call_->end) result_ = RunResult::budget;
    else host_phase();
    if (fault_) result_ = RunResult::fault;
    return !result_;
}

// Between two cycles, when no region is at work.
void FastMesh::close_cycle() {
    try {
        each_region([](FastRegion& region) { region.turn(); });
        each_region([](FastRegion& region) {
            if (region.failure()) std::rethrow_exception(region.failure());
        });
        finish_cycle();
        const uint64_t next = fault_ ? never : next_cycle();
        if (next != never) {
            now_ = std::min(next, call_->end);
            if (open_cycle()) choose_mode();
        } else {
            result_ = fault_ ? RunResult::fault : any_open() ? RunResult::deadlock : RunResult::idle;
        }
    } catch (...) {
        error_ = std::current_exception();
        result_ = RunResult::fault;
    }
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

void FastMesh::choose_mode() {
    if (threads_.threads == 1 || is_watched()) return void(together_ = false);
    uint64_t visits = 0, most = 0;
    for (int thread = 0; thread < threads_.threads; ++thread) {
        uint64_t own = 0;
        each_region_of(thread, [&](const FastRegion& region) { own += region.visits(); });
        visits += own;
        most = std::max(most, own);
    }
    together_ = pace_.choose(visits, most) || threads_.eager;
}

}  // namespace wafersim::fast
