// DSD operations as state machines: what they wait for, what a cycle of progress does, how they end.
#include <algorithm>

#include "plan.h"
#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

// ------------------------------------------------------------------------------------------------ readiness

// These only look: where an element can do nothing but fault, it is ready for that.
bool Pe::element_ready(const Stream& s, int already_taken) const {
    if (s.kind == StreamKind::fabric_in) {
        if (s.packed) return true;
        const WaveletQueue& queue = channels[static_cast<size_t>(s.number)].wavelets;
        return queue.has_ready(env->now, already_taken) && (s.control_transform || !queue.at(already_taken).control);
    }
    return s.kind != StreamKind::fifo || fifo_has(s) ||
           program->fifos[static_cast<size_t>(s.number)].empty_action == FifoAction::fault;
}

bool Pe::inputs_ready(const VecRun& run) const {
    const Plan& plan = *run.plan;
    for (int i = 0; i < plan.sources; ++i) {
        const Stream& s = plan.source[static_cast<size_t>(i)];
        int already_taken = 0;
        for (int k = 0; k < i && s.kind == StreamKind::fabric_in; ++k) {
            const Stream& other = plan.source[static_cast<size_t>(k)];
            already_taken += other.kind == StreamKind::fabric_in && other.number == s.number;
        }
        if (!element_ready(s, already_taken)) return false;
    }
    return true;
}

bool Pe::output_ready(const Stream& dst) const {
    if (dst.kind == StreamKind::fabric_out) return !outputs[static_cast<size_t>(dst.number)].wavelets.full();
    return dst.kind != StreamKind::fifo || fifo_has_room(dst) ||
           program->fifos[static_cast<size_t>(dst.number)].full_action == FifoAction::fault;
}

namespace {

// A FIFO may end the operation instead of making it wait.
bool ended_by_fifo(const Pe& pe, const VecRun& run) {
    const auto& fifos = pe.program->fifos;
    const Plan& plan = *run.plan;
    const auto ends = [&](const Stream& s, bool output) {
        if (s.kind != StreamKind::fifo) return false;
        const Fifo& fifo = fifos[static_cast<size_t>(s.number)];
        return output ? fifo.full_action == FifoAction::terminate && !pe.fifo_has_room(s)
                      : fifo.empty_action == FifoAction::terminate && !pe.fifo_has(s);
    };
    if (ends(plan.dst, true)) return true;
    for (int i = 0; i < plan.sources; ++i)
        if (ends(plan.source[static_cast<size_t>(i)], false)) return true;
    return false;
}

}  // namespace

bool Pe::may_advance(const VecRun& run) const {
    if (run.next_tick / ticks_per_cycle > static_cast<int64_t>(env->now)) return false;
    return (inputs_ready(run) && output_ready(run.plan->dst)) || ended_by_fifo(*this, run);
}

// Control wavelets at the head of what an operation reads: they end it, activate a task, or are left to the
// scheduler. On a blocked channel the scheduler would never take them, so they are dropped there.
void Pe::meet_controls(int thread) {
    const VecRun& run = run_of(thread);
    const Options& options = run.plan->options;
    for (int i = 0; i < run.plan->sources && busy(thread); ++i) {
        const Stream& s = run.plan->source[static_cast<size_t>(i)];
        if (s.kind != StreamKind::fabric_in || s.control_transform) continue;
        const int channel = channel_of(run, s);
        const WaveletQueue& queue = channels[static_cast<size_t>(channel)].wavelets;
        while (busy(thread) && queue.has_ready(env->now) && queue.front().control) {
            if (options.on_control == OnControl::ignore && !(blocked >> channel & 1)) return;
            take_wavelet(channel);
            if (options.on_control == OnControl::ignore) ++env->stats.dropped_controls;
            if (options.on_control == OnControl::activate) activate(options.on_control_task, env->machine.microthreads.end);
            if (options.on_control == OnControl::terminate) finish_run(thread);
        }
    }
}

// ------------------------------------------------------------------------------------------------- progress

void Pe::advance_run(int thread) {
    VecRun& run = run_of(thread);
    Plan& plan = own_plan(run);
    if (ended_by_fifo(*this, run)) return finish_run(thread);
    run.next_tick = std::max(run.next_tick, static_cast<int64_t>(env->now) * ticks_per_cycle);
    const uint32_t most = plan.infinite ? plan.group : std::min<uint32_t>(run.remaining, plan.group);
    for (uint32_t k = 0; k < most; ++k) {
        if (k > 0 && !(inputs_ready(run) && output_ready(plan.dst))) break;
        if (done_of(run) >= plan.bound) leave_variable(*this, run);
        advance_element(run, plan);
    }
    if (plan.infinite || run.remaining > 0) return;
    run.next_tick += rest_of_lines(env->machine, plan, done_of(run));
    finish_run(thread);
}

void Pe::advance_element(VecRun& run, Plan& plan) {
    int index = plan.options.index == none ? 0 : plan.options.index;
    std::array<uint32_t, 3> values{};
    std::array<int64_t, 2> read_from{none, none};
    for (int i = 0; i < plan.sources; ++i) {
        Stream& s = plan.source[static_cast<size_t>(i)];
        if (i < 2 && in_memory(s)) read_from[static_cast<size_t>(i)] = element_address(s);
        values[static_cast<size_t>(i)] = read_element(s, index);
    }
    const uint32_t result = plan.function(values[0], values[1], values[2]);
    if (plan.accumulator != none) plan.source[static_cast<size_t>(plan.accumulator)].scalar = result;
    write_element(plan.dst, result, index, run.remaining == 1 && !plan.infinite);
    if (plan.dst.zero_first && read_from[0] != none) memory.store(read_from[0], plan.source[0].words, 0);
    if (plan.dst.zero_second && read_from[1] != none) memory.store(read_from[1], plan.source[1].words, 0);
    --run.remaining;
    run.next_tick += plan.period;
    ++env->stats.vector_elements;
}

uint32_t Pe::read_element(Stream& s, int& index) {
    switch (s.kind) {
    case StreamKind::scalar: return s.scalar;
    case StreamKind::fifo: return fifo_pop(s);
    case StreamKind::fabric_in: {
        if (s.packed) return --s.packed, s.scalar >> 16;
        const Wavelet w = take_wavelet(s.number);
        if (s.control_transform) return w.control ? w.data | 0x8000'0000u : w.data & 0x7fff'ffffu;
        if (s.pack > 1) s.packed = 1, s.scalar = w.data;
        index = static_cast<int>(w.data >> 16);
        return s.words == 1 ? w.data & 0xffff : w.data;
    }
    default: {
        const int64_t offset = s.index_offset ? index : 0;
        const auto value = static_cast<uint32_t>(memory.load(element_address(s) + offset, s.words));
        advance(s);
        return value;
    }
    }
}

namespace {

// The wavelet of an element; in SIMD mode the first of two is only kept, unless it is the last of all.
bool element_to_wavelet(Stream& dst, uint32_t value, int index, bool last, uint16_t mask, Wavelet& wavelet,
                        uint64_t now) {
    bool control = dst.control;
    if (dst.words == 1) value &= 0xffff;
    if (dst.pack > 1) {
        if (!dst.packed && !last) return dst.packed = 1, dst.scalar = value, false;
        if (dst.packed) value = dst.scalar | value << 16;
        dst.packed = 0;
    } else if (dst.index_offset && dst.words == 1) {
        value |= static_cast<uint32_t>(index) << 16;
    }
    if (dst.control_transform) {
        control = value >> 31;
        value &= 0x7fff'ffffu;
        if (control) value ^= uint32_t{mask} << 16;
    }
    wavelet = make_wavelet(value, dst.color, control, now);
    return true;
}

}  // namespace

void Pe::write_element(Stream& dst, uint32_t value, int index, bool last) {
    switch (dst.kind) {
    case StreamKind::fabric_out: {
        Wavelet wavelet;
        if (!element_to_wavelet(dst, value, index, last, std::as_const(*this).extras().control_mask, wavelet, env->now)) return;
        wavelet.advance_switch = dst.advance_switch && last;
        outputs[static_cast<size_t>(dst.number)].wavelets.push(wavelet, *arena);
        sending |= uint32_t{1} << dst.number;
        return;
    }
    case StreamKind::fifo: return fifo_push(dst, value);
    case StreamKind::pointer: return memory.store(dst.address, dst.words, value);
    case StreamKind::none: return;
    default: memory.store(element_address(dst) + (dst.index_offset ? index : 0), dst.words, value); advance(dst);
    }
}

// ------------------------------------------------------------------------------------------------ completion

void Pe::complete(const Completion& c, int delay) {
    if (c.activate != none) activate(c.activate, delay);
    if (c.unblock != none) block(c.unblock_space, c.unblock, false);
}

namespace {

// With `.save_address` the next operation on a DSR goes on where this one stopped.
void save_address(Pe& pe, const Stream& s) {
    if (s.dsr < 0 || !s.save_address || !in_memory(s)) return;
    Dsr& dsr = pe.dsrs[static_cast<size_t>(s.dsr)];
    if (s.kind == StreamKind::shaped) dsr.place = s.place;
    else dsr.dsd = dsr.dsd.with_address(static_cast<uint64_t>(int64_t{s.address}));
}

}  // namespace

void Pe::finish_run(int thread) {
    VecRun& run = run_of(thread);
    running &= ~(uint32_t{1} << thread);
    if (run.plan->own) {
        const Plan& plan = own_plan(run);
        save_address(*this, plan.dst);
        for (int i = 0; i < plan.sources; ++i) save_address(*this, plan.source[static_cast<size_t>(i)]);
    }
    const auto end = static_cast<uint64_t>((run.next_tick + ticks_per_cycle - 1) / ticks_per_cycle);
    if (thread == main_thread()) main_ready = std::max(main_ready, end);
    const int delay = static_cast<int>(end > env->now ? end - env->now : 0) +
                      (thread == main_thread() ? 0 : env->machine.microthreads.end);
    const Options& options = run.plan->options;
    for (int i = 0; i < options.completion_count; ++i) complete(options.completions[static_cast<size_t>(i)], delay);
    ++env->stats.vector_operations;
    for (const auto& observer : env->observers) observer->operation_ended(env->now, x, y, thread);
}

}  // namespace wafersim
