// Who has the issue slot, and when a PE has to be visited again.
#include "step.h"

#include <algorithm>

#include "flow.h"

namespace wafersim::fast {

namespace {

// A thread, and the operation that it runs; none: the code of the main thread.
struct Context {
    int thread = none;
    VecRun* run = nullptr;
};

Context context_of(Pe& pe, int thread) { return {thread, pe.busy(thread) ? &pe.run_of(thread) : nullptr}; }

bool may_issue(const Pe& pe, int thread, const VecRun* run) {
    if (!run) return pe.main_may_issue();
    return !(pe.blocked_threads >> thread & 1) && may_advance(pe, *run);
}

// Operations look at control wavelets before the issue slot is given away.
void meet_controls(Pe& pe) {
    pe.controls &= pe.filled;
    if (pe.controls) each_bit(pe.running, [&](int thread) { pe.meet_controls(thread); });
}

Context first_ready(Pe& pe, uint64_t threads) {
    for (; threads; threads &= threads - 1) {
        const Context context = context_of(pe, std::countr_zero(threads));
        if (may_issue(pe, context.thread, context.run)) return context;
    }
    return {};
}

Context most_important(Pe& pe, uint64_t threads) {
    Context chosen;
    int best = -1;
    each_bit_after(threads, pe.last_thread, [&](int thread) {
        const Context context = context_of(pe, thread);
        const int priority = pe.thread_priority(thread);
        if (priority <= best || !may_issue(pe, thread, context.run)) return;
        chosen = context;
        best = priority;
    });
    return chosen;
}

// Whose turn it is, of those that can go on: highest priority first, turns among equals.
Context choose(Pe& pe) {
    const uint64_t candidates = pe.running | (pe.frames.empty() ? 0 : uint64_t{1} << pe.main_thread());
    const bool equals = !(pe.raised & pe.running) && pe.main_priority == 0;
    if (!equals) return most_important(pe, candidates);
    const uint64_t after_last = candidates & ~uint64_t{1} << pe.last_thread;
    const Context context = first_ready(pe, after_last);
    return context.thread != none ? context : first_ready(pe, candidates ^ after_last);
}

// The main thread's code goes on. An operation without start-up makes its first elements in the cycle of its issue.
void step_main(Pe& pe, int main) {
    const uint32_t before = pe.running;
    pe.step_main();
    each_bit(pe.running & ~before, [&](int thread) { classify(pe, pe.run_of(thread)); });
    const Context started = context_of(pe, main);
    if (started.run && may_advance(pe, *started.run)) advance_run(pe, main, *started.run);
}

}  // namespace

bool step(Pe& pe) {
    if (pe.controls) meet_controls(pe);
    const Context chosen = choose(pe);
    if (chosen.thread == none) return false;
    pe.last_thread = static_cast<int8_t>(chosen.thread);
    ++(chosen.thread == pe.main_thread() ? pe.main_cycles : pe.thread_cycles);
    ++pe.env->stats.pe_cycles;
    if (chosen.run) advance_run(pe, chosen.thread, *chosen.run);
    else step_main(pe, chosen.thread);
    return true;
}

uint64_t next_wake(const Pe& pe) {
    const uint64_t next = pe.env->now + 1;
    uint64_t wake = never;
    const auto at = [&](uint64_t cycle) { wake = std::min(wake, std::max(cycle, next)); };
    for (uint32_t rest = pe.running; rest; rest &= rest - 1) {
        const int thread = std::countr_zero(rest);
        const VecRun& run = pe.run_of(thread);
        const uint64_t cycle = due(run);
        if (cycle >= next || may_issue(pe, thread, &run)) at(cycle);
        if (wake == next) return next;
    }
    const int main = pe.main_thread();
    if (!pe.busy(main) && !pe.frames.empty() && (pe.main_ready >= next || pe.main_may_issue())) at(pe.main_ready);
    for (const PendingActivation& p : pe.pending) at(p.due);
    each_bit(pe.filled, [&](int channel) {
        const WaveletQueue& queue = pe.channels[static_cast<size_t>(channel)].wavelets;
        if (queue.has_ready(pe.env->now, queue.size() - 1)) return;  // the last is the latest
        int i = 0;
        while (queue.has_ready(pe.env->now, i)) ++i;
        at(queue.at(i).ready_at(pe.env->now));
    });
    if (pe.frames.empty()) {
        if (pe.main_ready >= next) at(pe.main_ready);
        if (pe.has_handlers() || (pe.active & ~pe.blocked)) at(pe.main_ready);
        if (!pe.commands.empty() && (pe.command_due >= next || pe.host_may_command())) at(pe.command_due);
    }
    return wake;
}

}  // namespace wafersim::fast
