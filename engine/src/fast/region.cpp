// Which PEs and routers the fast engine visits, and when again.
#include "region.h"

#include <algorithm>
#include <utility>

#include "solo.h"
#include "step.h"

namespace wafersim::fast {

namespace {

constexpr size_t pes_in_caches = 512;  // the state of so many stays in a core's cache
constexpr size_t far_ahead = 5;        // visits for which state is asked ahead

}  // namespace

FastRegion::FastRegion(const Wafer& wafer, const Call& call, Agenda& agenda)
    : Region(wafer),
      call_(call),
      agenda_(agenda),
      hop_(static_cast<uint64_t>(machine_.fabric.hop)),
      ramp_in_(static_cast<uint64_t>(machine_.fabric.ramp_in)),
      ramp_out_(static_cast<uint64_t>(machine_.fabric.ramp_out)),
      link_period_(static_cast<uint64_t>(machine_.fabric.link_period)) {
    find_edges();
}

void FastRegion::wake(uint32_t pe, uint64_t cycle) {
    if (cycle >= wake_[pe] || !pes_[pe].alive()) return;
    wake_[pe] = cycle;
    if (cycle > env_.now) agenda_.at(pe, cycle);  // else its visit goes on, or `resume` will see it
}

void FastRegion::enter(uint32_t router, ColorState& color, Side side, const Wavelet& wavelet) {
    routers_[router].push(color, side, arenas_, router) = wavelet;
    agenda_.at(router, wavelet.ready_at(env_.now));
}

void FastRegion::resume() {
    for (uint32_t i = 0; i < pes_.size(); ++i) {
        if (!pes_[i].alive()) wake_[i] = never;
        agenda_.at(i, wake_[i]);
    }
}

void FastRegion::start(uint64_t cycle) {
    env_.now = cycle;
    moved_ = waited_for_ = 0;
    visits_ = 0;
    plain_links_ = machine_.fabric.link_period <= 1 && env_.observers.empty();
}

void FastRegion::work(Window& window, int block_row, int block_column) noexcept {
    const bool first = block_row == 0 && block_column == 0;
    const auto width = static_cast<uint32_t>(window.width);
    try {
        for (int t = 0; window.begin + static_cast<uint64_t>(t) < window.end; ++t) {
            env_.now = window.begin + static_cast<uint64_t>(t);
            const Window::Span rows = window.rows(block_row, t), columns = window.columns(block_column, t);
            begin_queue(static_cast<size_t>(rows.to - rows.from) * static_cast<size_t>(columns.to - columns.from));
            for (int y = rows.from; y < rows.to; ++y) {
                const uint32_t row = static_cast<uint32_t>(y) * width;
                collect(row + static_cast<uint32_t>(columns.from), row + static_cast<uint32_t>(columns.to));
            }
            work_queue();
            close_cycle();
            if (first && window.block.cycles > 1 && call_.awaits && !keeps_call_open(window)) window.end = env_.now + 1;
        }
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void FastRegion::work_watched(uint64_t cycle) {
    env_.now = cycle;
    begin_queue(pes_.size());
    collect(0, static_cast<uint32_t>(pes_.size()));
    const std::span<const uint32_t> queue(queue_.data(), queued_);
    for (const uint32_t i : queue) {
        agenda_.clear(i);
        guard(Phase::routers, i, [&] { visit_router_watched(i); });
    }
    for (const uint32_t i : queue) guard(Phase::ramps, i, [&] { visit_ramp(i); });
    for (const uint32_t i : queue) {
        if (wake_[i] <= env_.now) guard(Phase::threads, i, [&] { visit_pe(i); });
        look_again(i);
    }
    close_cycle();
}

// An empty one with room for `most`.
void FastRegion::begin_queue(size_t most) {
    if (queue_.size() < most + far_ahead) queue_.resize(most + far_ahead);
    queued_ = 0;
}

void FastRegion::collect(uint32_t from, uint32_t to) {
    uint32_t* const first = queue_.data();
    queued_ = static_cast<size_t>(agenda_.find_due(from, to, env_.now, first + queued_, event_) - first);
}

void FastRegion::close_cycle() {
    visits_ += queued_;
    if (std::exchange(progress_, false)) moved_ = std::max(moved_, env_.now + 1);
    if (std::exchange(event_, false)) waited_for_ = std::max(waited_for_, env_.now);
}

template <class F>
void FastRegion::guard(Phase phase, uint32_t number, F f) {
    try {
        phase_ = phase;
        f();
    } catch (const std::exception& error) {
        note(phase_, number, error);
        if (phase_ >= Phase::threads) wake_[number] = never;
    }
}

namespace {

// For the line some bytes behind an address, which may be no address at all. The builtin would not do: functions that only
// prefetch count as ones without effect, and compilers drop their calls.
template <size_t behind = 0>
inline void ask_for(const void* p) {
#if defined(__x86_64__) && defined(__GNUC__)
    asm volatile("prefetcht0 %c1(%0)" : : "r"(p), "i"(behind));
#else
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + behind));
#endif
}

void ask_for_parts(const Pe& pe, const Router& router) {
    ask_for(pe.runs);  // mostly all that there are
    ask_for<2 * sizeof(VecRun)>(pe.runs);
    each_bit(router.slots_to_try(), [&](int slot) { ask_for(&router.colors[slot]); });
    ask_for(pe.channels.data());
    ask_for(pe.outputs.data());
    if (pe.frames.empty()) return;
    ask_for(&pe.frames.back());
    ask_for(pe.registers.data());
}

void ask_for_elements(const Pe& pe) {
    each_bit(pe.running, [&](int thread) {
        const VecRun& run = pe.run_of(thread);
        if (run.flow > Flow::simple) ask_for(pe.memory.data() + run.address);
        if (run.input != none) ask_for(pe.channels[static_cast<size_t>(run.input)].wavelets.storage());
        if (run.output != none) ask_for(pe.outputs[static_cast<size_t>(run.output)].wavelets.storage());
    });
}

}  // namespace

// Wavelets, and where those go that take no more than a look at a queue.
inline void FastRegion::ask_for_wavelets(uint32_t number) const {
    const Router& router = routers_[number];
    each_bit(router.slots_to_try(), [&](int slot) {
        const ColorState& color = router.colors[slot];
        ask_for(color.storage());
        const unsigned to = color.plain >> 4;
        if (color.plain == ColorState::not_plain || to == side_ramp || (router.edges >> to & 1)) return;
        const Router& next = routers_[number + static_cast<uint32_t>(offset_[to])];
        if (const int target = next.slot[static_cast<size_t>(color.color)]; target >= 0) ask_for(&next.colors[target]);
    });
}

// The state of a large mesh does not fit the caches, but who is visited next is known: their state is asked for some
// visits ahead, in the order in which one pointer leads to the next.
inline void FastRegion::ask_for_state(uint32_t far, uint32_t near, uint32_t next) const {
    const Pe* const pe = &pes_[far];
    ask_for(&routers_[far]);
    ask_for(pe);
    ask_for<64>(pe);
    ask_for<128>(pe);
    ask_for<192>(pe);
    ask_for<256>(pe);
    ask_for_parts(pes_[near], routers_[near]);
    ask_for_elements(pes_[next]);
    ask_for_wavelets(next);
}

void FastRegion::work_queue() {
    uint32_t* const queue = queue_.data();
    const size_t count = queued_;
    if (pes_.size() <= pes_in_caches) {
        for (size_t k = 0; k < count; ++k) visit(queue[k]);
        return;
    }
    if (count > 0) std::fill_n(queue + count, far_ahead, queue[count - 1]);
    for (size_t k = 0; k < count; ++k) {
        ask_for_state(queue[k + far_ahead], queue[k + 3], queue[k + 1]);
        visit(queue[k]);
    }
}

// All phases of a PE's cycle. What others see of it is its router's queues, which know whether a wavelet left them in this
// cycle, and its colors, which know how they were at its start: so it does not matter who comes first.
void FastRegion::visit(uint32_t i) {
    Pe& pe = pes_[i];
    pe.env = &env_;
    agenda_.clear(i);
    if (routers_[i].slots_to_try()) guard(Phase::routers, i, [&] { visit_router(i); });
    if (pe.sending) guard(Phase::ramps, i, [&] { visit_ramp(i); });
    if (wake_[i] <= env_.now) guard(Phase::threads, i, [&] { visit_pe(i); });
    look_again(i);
}

namespace {

// Pe::schedule would find something to do.
bool wants_scheduler(const Pe& pe) {
    if (!pe.pending.empty() || (pe.input_flush | pe.output_flush)) return true;
    const bool taken = !pe.frames.empty() || pe.busy(pe.main_thread()) || pe.main_ready > pe.env->now;
    return !taken && (pe.has_handlers() || ((pe.active | pe.filled) & ~pe.blocked));
}

}  // namespace

// Threads, then the scheduler, then the host's command, then how long to sleep.
void FastRegion::visit_pe(uint32_t i) {
    Pe& pe = pes_[i];
    const uint32_t held = routers_[i].held;
    const Turn turn = step(pe);
    if (turn.thread != none) progress_ = true;
    phase_ = Phase::tasks;
    if (wants_scheduler(pe) && pe.schedule()) progress_ = true;
    else if (pe.has_commands && pe.command_due <= env_.now && pe.host_may_command()) command(i);
    if (may_run_ahead(pe)) run_ahead(pe, horizon(pe));
    wake_[i] = fast::next_wake(pe, turn);
    if (held) release(i, held);
}

// What the router said of itself was said by `visit_router`. Everything that has a time is said anew in each visit, as an
// earlier entry may have hidden it.
void FastRegion::look_again(uint32_t i) {
    const Pe& pe = pes_[i];
    const uint64_t next = env_.now + 1;
    int64_t entry = Agenda::event_at(wake_[i]);
    if (pe.sending) entry = std::min(entry, pe.ramp_free >= next ? Agenda::event_at(pe.ramp_free) : Agenda::retry_in(next));
    agenda_.add(i, entry);
}

// Where nothing has moved, those who only try again do so until something else happens: whether they wait for a time, the
// rules of the reference engine say.
uint64_t FastRegion::next_event_of_all() {
    next_event_ = never;
    for (uint32_t i = 0; i < pes_.size(); ++i) {
        next_event_ = std::min(next_event_, agenda_.event(i));
        if (!agenda_.retries(i)) continue;
        decide(i);
        const Pe& pe = pes_[i];
        if (pe.sending && pe.ramp_free > env_.now) next_event_ = std::min(next_event_, pe.ramp_free);
        next_event_ = std::min(next_event_, wake_[i]);
    }
    return next_event_;
}

bool FastRegion::awaits_completion(const Pe& pe) const {
    return call_.awaited[pe.running_ticket] ||
           std::any_of(pe.commands.begin(), pe.commands.end(), [&](uint32_t n) { return call_.awaited[n]; });
}

bool FastRegion::keeps_call_open(const Window& window) const {
    const int last = std::max(window.block.cycles - 1, 0);
    const Window::Span rows = window.rows(0, last), columns = window.columns(0, last);
    for (int y = rows.from; y < rows.to; ++y)
        for (int x = columns.from; x < columns.to; ++x)
            if (awaits_completion(pes_[static_cast<size_t>(y * window.width + x)])) return true;
    return false;
}

// The first cycle that this call of `run` may not come to, as far as the PE is concerned: a call that waits for a
// command which the PE has not completed goes on at least until its main thread is free.
uint64_t FastRegion::horizon(const Pe& pe) const {
    if (!env_.observers.empty()) return 0;
    return !call_.awaits || awaits_completion(pe) ? call_.end : 0;
}

// Sleeping PEs have not looked at their activations; who looks at them from outside sees them as of now.
void FastRegion::settle(uint64_t now) {
    env_.now = now;
    for (uint32_t i = 0; i < pes_.size(); ++i) {
        if (wake_[i] == never) continue;  // it would not sleep for ever with activations to look at
        Pe& pe = pes_[i];
        pe.pending.erase_if([&](const PendingActivation& p) {
            if (p.due >= env_.now) return false;
            pe.active |= uint64_t{1} << p.id;
            return true;
        });
    }
}

}  // namespace wafersim::fast
