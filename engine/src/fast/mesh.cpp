// The clock of the fast engine: what the next window is, who works on it, and when a call of `run` ends.
#include "mesh.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace wafersim::fast {

namespace {

constexpr int pes_a_thread = 2048;          // fewer are not worth a thread
constexpr BlockShape usual_block{16, 16, 32};   // state of as many PEs stays in a core's cache
constexpr uint64_t visits_worth_windows = 256;  // a cycle; fewer PEs fit the caches anyway, and may all sleep the next cycle

// Never more than there is work for; as many as the process may use where nobody has said how many.
Threads resolved(Threads t, const Image& image, const Machine& machine) {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const int worth = static_cast<int>(image.tiles.size()) / pes_a_thread;
    if (t.block.rows <= 0) t.block.rows = usual_block.rows;
    if (t.block.columns <= 0) t.block.columns = usual_block.columns;
    if (t.block.cycles <= 0) t.block.cycles = usual_block.cycles;
    if (t.threads <= 0) t.threads = std::clamp(worth, 1, cores);
    t.threads = std::clamp(t.threads, 1, std::max(1, (image.height + t.block.rows - 1) / t.block.rows));
    if (machine.fabric.link_period > 1) t.threads = 1;  // a region remembers which links are taken
    return t;
}

}  // namespace

FastMesh::FastMesh(Image image, const Settings& settings, Threads threads)
    : FastMesh(std::move(image), settings, resolved(threads, image, Machine(settings)), std::make_unique<Shared>(image.tiles.size())) {}

FastMesh::FastMesh(Image image, const Settings& settings, Threads threads, std::unique_ptr<Shared> shared)
    : Mesh(std::move(image), settings, threads.threads,
           [&](const Wafer& wafer) { return std::make_unique<FastRegion>(wafer, shared->call, shared->agenda); }),
      threads_(threads),
      shared_(std::move(shared)),
      blocks_done_(static_cast<size_t>((image_.height + threads.block.rows - 1) / threads.block.rows)) {}

FastMesh::~FastMesh() {
    if (process_ != getpid()) (void)team_.release();
}

RunResult FastMesh::run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    if (fault_) return RunResult::fault;
    begin_call(max_cycles, tickets);
    const RunResult result = advance(tickets);
    for (size_t n = 0; n < regions_.size(); ++n) region(n).environment().now = now_;
    if (result == RunResult::done || result == RunResult::budget) region(0).settle(now_);
    gather_reports();
    return result;
}

void FastMesh::begin_call(uint64_t max_cycles, const std::vector<uint32_t>& tickets) {
    Call& call = shared_->call;
    call.end = max_cycles > never - now_ ? never : now_ + max_cycles;
    call.awaits = !tickets.empty();
    call.awaited.assign(tickets_.size() + 1, 0);
    for (const uint32_t number : tickets)
        if (ticket(number).remaining) call.awaited[number] = 1;
    region(0).resume();
}

// Window by window, until the call ends.
RunResult FastMesh::advance(const std::vector<uint32_t>& tickets) {
    while (true) {
        if (shared_->call.awaits && all_done(tickets)) return RunResult::done;
        if (now_ >= shared_->call.end) return RunResult::budget;
        host_phase();
        if (fault_) return RunResult::fault;
        Window window = next_window();
        work(window);
        finish_cycle();
        if (fault_) {
            now_ = fault_->report.cycle;
            return RunResult::fault;
        }
        if (!go_on(window)) return any_open() ? RunResult::deadlock : RunResult::idle;
    }
}

// A single cycle of the whole mesh, or a window of blocks.
Window FastMesh::next_window() const {
    const int cycles = cycles_of_window();
    BlockShape block{image_.height, image_.width, 1};
    if (cycles > 1) block = {threads_.block.rows, threads_.block.columns, cycles};
    return {image_.width, image_.height, block, now_, now_ + static_cast<uint64_t>(cycles)};
}

int FastMesh::cycles_of_window() const {
    const bool worth_it = threads_.eager || visits_ >= visits_worth_windows;
    if (!worth_it || is_watched() || !feeds_.empty()) return 1;
    const uint64_t cycles = std::min(shared_->call.end - now_, static_cast<uint64_t>(threads_.block.cycles));
    if ((now_ ^ (now_ + cycles)) >> log_refresh) return 1;  // `Region::begin` brings times forward between windows
    const Window corner{image_.width, image_.height, {threads_.block.rows, threads_.block.columns, 1}, now_, now_ + 1};
    if (shared_->call.awaits && !region(0).keeps_call_open(corner)) return 1;
    return static_cast<int>(cycles);
}

void FastMesh::work(Window& window) {
    region(0).begin(now_);
    for (size_t n = 0; n < regions_.size(); ++n) region(n).start(now_);
    next_row_ = 0;
    for (auto& done : blocks_done_) done.store(0, std::memory_order_relaxed);
    if (is_watched()) {
        region(0).work_watched(now_);
    } else if (threads_.threads == 1 || window.block_rows() == 1) {
        work_rows(0, window);
    } else {
        if (team_ && process_ != getpid()) (void)team_.release();  // a copy of the process has no copies of its threads
        if (!team_) team_ = std::make_unique<Team>(threads_.threads);
        process_ = getpid();
        team_->run([&](int thread) { work_rows(thread, window); });
    }
    for (size_t n = 0; n < regions_.size(); ++n)
        if (region(n).failure()) std::rethrow_exception(region(n).failure());
}

// Rows of blocks, one after the other, two blocks behind the one above: then no router has neighbours in both.
void FastMesh::work_rows(int thread, Window& window) {
    for (int row; (row = next_row_.fetch_add(1, std::memory_order_relaxed)) < window.block_rows();) {
        std::atomic<int>& done = blocks_done_[static_cast<size_t>(row)];
        const int columns = window.block_columns();
        for (int column = 0; column < columns; ++column) {
            if (row > 0 && team_) team_->wait_beyond(blocks_done_[static_cast<size_t>(row - 1)], std::min(column + 1, columns - 1));
            region(static_cast<size_t>(thread)).work(window, row, column);
            done.store(column + 1, std::memory_order_release);
            done.notify_all();
        }
    }
}

// The first cycle in which something may happen. False: nothing ever will.
bool FastMesh::go_on(const Window& window) {
    uint64_t moved = 0, waited_for = window.begin, visits = 0;
    for (size_t n = 0; n < regions_.size(); ++n) {
        moved = std::max(moved, region(n).moved());
        waited_for = std::max(waited_for, region(n).waited_for());
        visits += region(n).visits();
    }
    visits_ = visits / (window.end - window.begin);
    if (fed_ || moved == window.end) {
        now_ = window.end;
        return true;
    }
    region(0).environment().now = window.end - 1;
    const uint64_t next = std::min(region(0).next_event_of_all(), next_feed_);
    now_ = next == never ? std::max(moved, waited_for) : std::min(std::max(next, window.end), shared_->call.end);
    return next != never;
}

}  // namespace wafersim::fast
