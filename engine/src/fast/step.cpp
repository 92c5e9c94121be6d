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

// Memory to fabric or fabric to memory: elements need the first line of the run only. Both elements of a pair go through in
// the same cycle.
Flow moving(VecRun& run) {
    const bool sending = run.dst.kind == StreamKind::fabric_out && run.source[0].kind == StreamKind::memory;
    const bool receiving = run.dst.kind == StreamKind::memory && run.source[0].kind == StreamKind::fabric_in;
    if (!sending && !receiving) return Flow::unknown;
    const Stream& memory = sending ? run.source[0] : run.dst;
    const Stream& fabric = sending ? run.dst : run.source[0];
    const bool pairs = fabric.pack == 2;
    if (run.sources != 1 || run.source[0].words != run.dst.words || run.dst.advance_switch) return Flow::unknown;
    if (memory.index_offset || fabric.index_offset || fabric.control_transform) return Flow::unknown;
    if (run.dst.zero_first || run.dst.zero_second || (pairs && (run.group % 2 || fabric.packed))) return Flow::unknown;
    run.address = memory.address;
    run.step = memory.step;
    run.color = run.dst.color;
    run.control = run.dst.control;
    if (pairs) return sending ? Flow::send_pair : Flow::receive_pair;
    if (sending) return memory.words == 1 ? Flow::send16 : Flow::send32;
    return memory.words == 1 ? Flow::receive16 : Flow::receive32;
}

bool simple(const VecRun& run) {
    int inputs = 0;
    bool simple = simple_destination(run.dst);
    for (size_t i = 0; i < run.sources; ++i) {
        simple = simple && simple_source(run.source[i]);
        inputs += run.source[i].kind == StreamKind::fabric_in;
    }
    return simple && inputs <= 1;
}

void classify(VecRun& run) {
    for (size_t i = 0; i < run.sources; ++i)
        if (run.source[i].kind == StreamKind::fabric_in) run.input = static_cast<int8_t>(run.source[i].number);
    if (run.dst.kind == StreamKind::fabric_out) run.output = static_cast<int8_t>(run.dst.number);
    run.flow = moving(run);
    if (run.flow == Flow::unknown) run.flow = simple(run) ? Flow::simple : Flow::general;
}

const WaveletQueue& input_queue(const Pe& pe, const VecRun& run) {
    return pe.channels[static_cast<size_t>(run.input)].wavelets;
}

// The inputs are there and the output has room.
bool flows(const Pe& pe, const VecRun& run) {
    if (run.input != none) {
        const WaveletQueue& queue = input_queue(pe, run);
        if (!queue.has_ready(pe.env->now) || queue.front().control) return false;
    }
    return run.output == none || !pe.outputs[static_cast<size_t>(run.output)].wavelets.full();
}

uint64_t due(const VecRun& run) { return static_cast<uint64_t>(run.next_tick / ticks_per_cycle); }

bool may_advance(const Pe& pe, const VecRun& run) {
    if (run.flow <= Flow::general) return pe.may_advance(run);
    return due(run) <= pe.env->now && flows(pe, run);
}

// Of an operation that runs, or of the main thread.
bool may_issue(const Pe& pe, int thread) {
    if (!pe.busy(thread)) return pe.main_may_issue();
    return !(pe.blocked_threads >> thread & 1) && may_advance(pe, pe.run_of(thread));
}

void count_element(Pe& pe, VecRun& run) {
    ++run.done;
    if (!run.infinite) --run.remaining;
    run.next_tick += run.period;
    ++pe.env->stats.vector_elements;
}

void stay_in_variable(Pe& pe, VecRun& run) {
    if (run.done >= run.bound) [[unlikely]] leave_variable(pe, run);
}

// The element of a send or receive lies where `address` has come to.
template <int words>
uint32_t load_element(Pe& pe, VecRun& run) {
    const auto read = static_cast<uint32_t>(pe.memory.load(run.address, words));
    run.address += run.step;
    const uint32_t value = run.function(read, 0, 0);
    return words == 1 ? value & 0xffff : value;
}

template <int words>
void store_element(Pe& pe, VecRun& run, uint32_t data) {
    pe.memory.store(run.address, words, run.function(words == 1 ? data & 0xffff : data, 0, 0));
    run.address += run.step;
}

void send_data(Pe& pe, const VecRun& run, uint32_t data) {
    pe.outputs[static_cast<size_t>(run.output)].wavelets.push(make_wavelet(data, run.color, run.control, pe.env->now), pe.env->arena);
    pe.sending |= uint32_t{1} << run.output;
}

// The second element of a pair, if there is one.
bool goes_on(Pe& pe, VecRun& run) {
    count_element(pe, run);
    if (!run.infinite && run.remaining == 0) return false;
    stay_in_variable(pe, run);
    return true;
}

bool send_pair(Pe& pe, VecRun& run) {
    uint32_t data = load_element<1>(pe, run);
    const bool both = goes_on(pe, run);
    if (both) data |= load_element<1>(pe, run) << 16;
    send_data(pe, run, data);
    return both;
}

bool receive_pair(Pe& pe, VecRun& run) {
    const uint32_t data = pe.take_wavelet(run.input).data;
    store_element<1>(pe, run, data);
    const bool both = goes_on(pe, run);
    if (both) store_element<1>(pe, run, data >> 16);
    return both;
}

void simple_element(Pe& pe, VecRun& run) {
    std::array<uint32_t, 3> values{};
    for (size_t i = 0; i < run.sources; ++i) {
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
}

// One element, or both of a pair; how many.
uint32_t advance_elements(Pe& pe, VecRun& run) {
    stay_in_variable(pe, run);
    switch (run.flow) {
    case Flow::send16: send_data(pe, run, load_element<1>(pe, run)); break;
    case Flow::send32: send_data(pe, run, load_element<2>(pe, run)); break;
    case Flow::receive16: store_element<1>(pe, run, pe.take_wavelet(run.input).data); break;
    case Flow::receive32: store_element<2>(pe, run, pe.take_wavelet(run.input).data); break;
    case Flow::send_pair:
        if (!send_pair(pe, run)) return 1;
        return count_element(pe, run), 2;
    case Flow::receive_pair:
        if (!receive_pair(pe, run)) return 1;
        return count_element(pe, run), 2;
    default: simple_element(pe, run);
    }
    return count_element(pe, run), 1;
}

// As Pe::advance_run.
void advance_run(Pe& pe, int thread) {
    VecRun& run = pe.run_of(thread);
    if (run.flow == Flow::unknown) classify(run);
    if (run.flow == Flow::general) return pe.advance_run(thread);
    if (thread == pe.main_thread()) {
        pe.current_loc = run.loc;
        pe.current_function = run.started_in;
    }
    run.next_tick = std::max(run.next_tick, static_cast<int64_t>(pe.env->now) * ticks_per_cycle);
    const uint32_t group = run.group;
    const uint32_t most = run.infinite ? group : std::min(run.remaining, group);
    uint32_t done = advance_elements(pe, run);
    while (done < most && flows(pe, run)) done += advance_elements(pe, run);
    if (run.infinite || run.remaining > 0) return;
    run.next_tick += rest_of_lines(pe.env->machine, run);
    pe.finish_run(thread);
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
    pe.step_main();
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
