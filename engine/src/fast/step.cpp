// Who has the issue slot, and when a PE has to be visited again.
#include "step.h"

#include <algorithm>

#include "flow.h"

namespace wafersim::fast {

namespace {

Turn turn_of(Pe& pe, int thread) { return {thread, pe.busy(thread) ? &pe.run_of(thread) : nullptr}; }

bool may_issue(const Pe& pe, int thread, const VecRun* run) {
    if (!run) return pe.main_may_issue();
    return !(pe.blocked_threads >> thread & 1) && may_advance(pe, *run);
}

// Operations look at control wavelets before the issue slot is given away.
void meet_controls(Pe& pe) {
    pe.controls &= pe.filled;
    if (pe.controls) each_bit(pe.running, [&](int thread) { pe.meet_controls(thread); });
}

// The first that can go on, in turns: whoever had the issue slot last comes last.
Turn first_ready(Pe& pe, uint64_t threads) {
    const int first = pe.last_thread + 1;
    for (uint64_t rest = std::rotr(threads, first); rest; rest &= rest - 1) {
        const Turn turn = turn_of(pe, (std::countr_zero(rest) + first) & 63);
        if (may_issue(pe, turn.thread, turn.run)) return turn;
    }
    return {};
}

Turn most_important(Pe& pe, uint64_t threads) {
    Turn chosen;
    int best = -1;
    each_bit_after(threads, pe.last_thread, [&](int thread) {
        const Turn turn = turn_of(pe, thread);
        const int priority = pe.thread_priority(thread);
        if (priority <= best || !may_issue(pe, thread, turn.run)) return;
        chosen = turn;
        best = priority;
    });
    return chosen;
}

// Whose turn it is, of those that can go on: highest priority first, turns among equals.
Turn choose(Pe& pe) {
    const uint64_t candidates = pe.running | (pe.frames.empty() ? 0 : uint64_t{1} << pe.main_thread());
    const bool equals = !(pe.raised & pe.running) && pe.main_priority == 0;
    return equals ? first_ready(pe, candidates) : most_important(pe, candidates);
}

// The main thread's code goes on. An operation without start-up makes its first elements in the cycle of its issue.
void step_main(Pe& pe, int main) {
    const uint32_t before = pe.running;
    pe.step_main();
    each_bit(pe.running & ~before, [&](int thread) { classify(pe, pe.run_of(thread)); });
    const Turn started = turn_of(pe, main);
    if (started.run && may_advance(pe, *started.run)) advance_run(pe, main, *started.run);
}

}  // namespace

Turn step(Pe& pe) {
    if (pe.controls) meet_controls(pe);
    const Turn chosen = choose(pe);
    if (chosen.thread == none) return chosen;
    pe.last_thread = static_cast<int8_t>(chosen.thread);
    ++(chosen.thread == pe.main_thread() ? pe.main_cycles : pe.thread_cycles);
    ++pe.env->stats.pe_cycles;
    if (chosen.run) advance_run(pe, chosen.thread, *chosen.run);
    else step_main(pe, chosen.thread);
    return chosen;
}

namespace {

// When the operation of a thread may go on, `next` or later; never: something else has to happen before.
uint64_t wake_of(const Pe& pe, int thread, const VecRun& run, uint64_t next) {
    const uint64_t cycle = due(run);
    if (cycle >= next) return cycle;
    return may_issue(pe, thread, &run) ? next : never;
}

uint64_t wake_of_main(const Pe& pe, uint64_t next) {
    if (pe.frames.empty() || pe.busy(pe.main_thread())) return never;
    return pe.main_ready >= next || pe.main_may_issue() ? pe.main_ready : never;
}

// When the next wavelet in the queue gets ready; those that are so already have been looked at.
uint64_t wake_of(const Pe& pe, const WaveletQueue& queue) {
    const uint64_t now = pe.env->now;
    if (queue.has_ready(now, queue.size() - 1)) return never;  // the last is the latest
    int i = 0;
    while (queue.has_ready(now, i)) ++i;
    return queue.at(i).ready_at(now);
}

}  // namespace

// Whoever had the issue slot usually goes on in the next cycle, so it is asked first.
uint64_t next_wake(const Pe& pe, const Turn& last) {
    const uint64_t next = pe.env->now + 1;
    uint64_t wake = never;
    uint32_t rest = pe.running;
    if (last.run && pe.busy(last.thread)) {
        wake = wake_of(pe, last.thread, *last.run, next);
        rest ^= uint32_t{1} << last.thread;
    }
    const auto at = [&](uint64_t cycle) { wake = std::min(wake, std::max(cycle, next)); };
    for (; rest && wake > next; rest &= rest - 1) {
        const int thread = std::countr_zero(rest);
        at(wake_of(pe, thread, pe.run_of(thread), next));
    }
    if (wake == next) return next;
    at(wake_of_main(pe, next));
    for (const PendingActivation& p : pe.pending) at(p.due);
    each_bit(pe.filled, [&](int channel) { at(wake_of(pe, pe.channels[static_cast<size_t>(channel)].wavelets)); });
    if (pe.frames.empty()) {
        if (pe.main_ready >= next) at(pe.main_ready);
        if (pe.has_handlers() || (pe.active & ~pe.blocked)) at(pe.main_ready);
        if (pe.has_commands && (pe.command_due >= next || pe.host_may_command())) at(pe.command_due);
    }
    return wake;
}

}  // namespace wafersim::fast
