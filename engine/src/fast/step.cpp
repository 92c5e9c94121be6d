// Who has the issue slot, and when a PE has to be visited again.
#include "step.h"

#include <algorithm>

#include "flow.h"

namespace wafersim::fast {

namespace {

// Of an operation that runs, or of the main thread.
bool may_issue(const Pe& pe, int thread) {
    if (!pe.busy(thread)) return pe.main_may_issue();
    return !(pe.blocked_threads >> thread & 1) && may_advance(pe, pe.run_of(thread));
}

// Operations look at control wavelets before the issue slot is given away.
void meet_controls(Pe& pe) {
    pe.controls &= pe.filled;
    if (pe.controls) each_bit(pe.running, [&](int thread) { pe.meet_controls(thread); });
}

// Whose turn it is, of those that can go on: highest priority first, turns among equals.
int choose(const Pe& pe) {
    const int main = pe.main_thread();
    const uint64_t candidates = pe.running | (pe.frames.empty() ? 0 : uint64_t{1} << main);
    const bool equals = !(pe.raised & pe.running) && pe.main_priority == 0;
    const uint64_t up_to_last = (uint64_t{2} << pe.last_thread) - 1;
    int chosen = none, best = -1;
    for (const uint64_t part : {candidates & ~up_to_last, candidates & up_to_last}) {
        for (uint64_t rest = part; rest; rest &= rest - 1) {
            const int thread = std::countr_zero(rest);
            if (equals ? !may_issue(pe, thread) : pe.thread_priority(thread) <= best || !may_issue(pe, thread)) continue;
            if (equals) return thread;
            chosen = thread;
            best = pe.thread_priority(thread);
        }
    }
    return chosen;
}

}  // namespace

bool step(Pe& pe) {
    if (pe.controls) meet_controls(pe);
    const int chosen = choose(pe);
    if (chosen == none) return false;
    const int main = pe.main_thread();
    pe.last_thread = static_cast<int8_t>(chosen);
    ++(chosen == main ? pe.main_cycles : pe.thread_cycles);
    ++pe.env->stats.pe_cycles;
    if (pe.busy(chosen)) return advance_run(pe, chosen), true;
    const uint32_t before = pe.running;
    pe.step_main();
    each_bit(pe.running & ~before, [&](int thread) { classify(pe, pe.run_of(thread)); });
    if (pe.busy(chosen) && may_advance(pe, pe.run_of(chosen))) advance_run(pe, chosen);
    return true;
}

uint64_t next_wake(const Pe& pe) {
    const uint64_t next = pe.env->now + 1;
    uint64_t wake = never;
    const auto at = [&](uint64_t cycle) { wake = std::min(wake, std::max(cycle, next)); };
    for (uint32_t rest = pe.running; rest; rest &= rest - 1) {
        const int thread = std::countr_zero(rest);
        const uint64_t cycle = due(pe.run_of(thread));
        if (cycle >= next || may_issue(pe, thread)) at(cycle);
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
