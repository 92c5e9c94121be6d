// Usual DSD operations move whole wavelets and plain memory. Whether those can go on is a look at one or two queues;
// all others take the functions of `Pe`.
#include "step.h"

#include <algorithm>

namespace wafersim::fast {

namespace {

bool simple_source(const Stream& s) {
    if (s.kind == StreamKind::scalar) return true;
    if (s.kind == StreamKind::fabric_in) return s.pack == 1 && !s.control_transform;
    return in_memory(s) && !s.index_offset;
}

bool simple_destination(const Stream& s) {
    if (s.zero_first || s.zero_second) return false;
    if (s.kind == StreamKind::pointer) return true;
    if (s.kind == StreamKind::fabric_out) return s.pack == 1 && !s.control_transform && !s.index_offset;
    return in_memory(s) && !s.index_offset;
}

void classify(VecRun& run) {
    int inputs = 0;
    bool simple = simple_destination(run.dst);
    for (int i = 0; i < run.sources; ++i) {
        const Stream& s = run.source[static_cast<size_t>(i)];
        simple = simple && simple_source(s);
        if (s.kind != StreamKind::fabric_in) continue;
        ++inputs;
        run.input = static_cast<int8_t>(i);
    }
    run.flow = simple && inputs <= 1 ? Flow::simple : Flow::general;
}

const WaveletQueue& input_queue(const Pe& pe, const VecRun& run) {
    return pe.channels[static_cast<size_t>(run.source[static_cast<size_t>(run.input)].number)].wavelets;
}

// The inputs are there and the output has room.
bool flows(const Pe& pe, const VecRun& run) {
    if (run.input != none) {
        const WaveletQueue& queue = input_queue(pe, run);
        if (!queue.has_ready(pe.env.now) || queue.front().control) return false;
    }
    return run.dst.kind != StreamKind::fabric_out || !pe.outputs[static_cast<size_t>(run.dst.number)].wavelets.full();
}

bool may_advance(const Pe& pe, const VecRun& run) {
    if (run.flow != Flow::simple) return pe.may_advance(run);
    return run.next_tick / ticks_per_cycle <= static_cast<int64_t>(pe.env.now) && flows(pe, run);
}

bool may_issue(const Pe& pe, int thread) {
    if (!pe.busy(thread)) return thread == pe.main_thread() && pe.main_may_issue();
    return !(pe.blocked_threads >> thread & 1) && may_advance(pe, pe.run_of(thread));
}

void advance_simple_element(Pe& pe, VecRun& run) {
    if (run.done >= run.bound) leave_variable(pe, run);
    std::array<uint32_t, 3> values{};
    for (size_t i = 0; i < static_cast<size_t>(run.sources); ++i) {
        Stream& s = run.source[i];
        if (s.kind == StreamKind::scalar) {
            values[i] = s.scalar;
        } else if (s.kind == StreamKind::fabric_in) {
            const Wavelet wavelet = pe.take_wavelet(s.number);
            values[i] = s.words == 1 ? wavelet.data & 0xffff : wavelet.data;
        } else {
            values[i] = static_cast<uint32_t>(pe.memory.load(element_address(s), s.words));
            advance(s);
        }
    }
    const uint32_t result = run.function(values[0], values[1], values[2]);
    if (run.accumulator != none) run.source[static_cast<size_t>(run.accumulator)].scalar = result;
    pe.write_element(run.dst, result, 0, run.remaining == 1 && !run.infinite);
    ++run.done;
    if (!run.infinite) --run.remaining;
    run.next_tick += run.period;
    ++pe.env.stats.vector_elements;
}

// As Pe::advance_run.
void advance_run(Pe& pe, int thread) {
    VecRun& run = pe.run_of(thread);
    if (run.flow != Flow::simple) return pe.advance_run(thread);
    pe.current_loc = run.loc;
    pe.current_function = run.started_in;
    run.next_tick = std::max(run.next_tick, static_cast<int64_t>(pe.env.now) * ticks_per_cycle);
    const auto group = static_cast<uint32_t>(run.group);
    const uint32_t most = run.infinite ? group : std::min(run.remaining, group);
    for (uint32_t k = 0; k < most && (k == 0 || flows(pe, run)); ++k) advance_simple_element(pe, run);
    if (run.infinite || run.remaining > 0) return;
    run.next_tick += rest_of_lines(pe.env.machine, run);
    pe.finish_run(thread);
}

void meet_controls(Pe& pe, int thread) {
    VecRun& run = pe.run_of(thread);
    if (run.flow == Flow::unknown) classify(run);
    if (run.flow == Flow::simple) {
        if (run.input == none) return;
        const WaveletQueue& queue = input_queue(pe, run);
        if (queue.empty() || !queue.front().control) return;
    }
    pe.meet_controls(thread);
}

}  // namespace

bool step(Pe& pe) {
    const int main = pe.main_thread();
    each_bit(pe.running, [&](int thread) { meet_controls(pe, thread); });
    const uint64_t candidates = pe.running | (pe.frames.empty() ? 0 : uint64_t{1} << main);
    int chosen = none, best = -1;
    each_bit_after(candidates, pe.last_thread, [&](int thread) {
        if (pe.thread_priority(thread) <= best || !may_issue(pe, thread)) return;
        chosen = thread;
        best = pe.thread_priority(thread);
    });
    if (chosen == none) return false;
    pe.last_thread = chosen;
    ++(chosen == main ? pe.main_cycles : pe.thread_cycles);
    if (!pe.busy(chosen)) pe.step_main();
    if (pe.busy(chosen) && may_advance(pe, pe.run_of(chosen))) advance_run(pe, chosen);
    ++pe.env.stats.pe_cycles;
    return true;
}

uint64_t next_wake(const Pe& pe) {
    const uint64_t next = pe.env.now + 1;
    uint64_t wake = never;
    const auto at = [&](uint64_t cycle) { wake = std::min(wake, std::max(cycle, next)); };
    each_bit(pe.running, [&](int thread) {
        const auto due = static_cast<uint64_t>(pe.run_of(thread).next_tick / ticks_per_cycle);
        if (due >= next || may_issue(pe, thread)) at(due);
    });
    const int main = pe.main_thread();
    if (!pe.busy(main) && !pe.frames.empty() && (pe.main_ready >= next || pe.main_may_issue())) at(pe.main_ready);
    for (const PendingActivation& p : pe.pending) at(p.due);
    each_bit(pe.filled, [&](int channel) {
        const WaveletQueue& queue = pe.channels[static_cast<size_t>(channel)].wavelets;
        if (queue.has_ready(pe.env.now, queue.size() - 1)) return;  // the last is the latest
        int i = 0;
        while (queue.has_ready(pe.env.now, i)) ++i;
        at(queue.at(i).ready_at(pe.env.now));
    });
    if (pe.frames.empty()) {
        if (pe.main_ready >= next) at(pe.main_ready);
        if (!pe.handlers.empty() || (pe.active & ~pe.blocked)) at(pe.main_ready);
        if (!pe.commands.empty() && (pe.command_due >= next || pe.host_may_command())) at(pe.command_due);
    }
    return wake;
}

}  // namespace wafersim::fast
