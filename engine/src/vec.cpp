// DSD operations as state machines: how they start, what they wait for, what a cycle of progress does.
#include <algorithm>
#include <limits>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

namespace {

// Words in memory of the elements that an operation takes and gives, by its row.
struct ElementWords {
    uint8_t dst = 1;
    std::array<uint8_t, 3> source{1, 1, 1};
};

constexpr ElementWords element_words(const VecRow& row) {
    ElementWords words{static_cast<uint8_t>(wafersim::element_words(row.dst))};
    std::string_view rest = row.sources;
    for (size_t i = 0; !rest.empty(); ++i) {
        const size_t end = std::min(rest.find(' '), rest.size());
        words.source[i] = static_cast<uint8_t>(wafersim::element_words(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return words;
}

constexpr std::array<ElementWords, vec_count> words_table = [] {
    std::array<ElementWords, vec_count> table;
    for (size_t i = 0; i < vec_count; ++i) table[i] = element_words(vec_rows[i]);
    return table;
}();

template <class F>
void each_source(const VecRun& run, F f) {
    for (size_t i = 0; i < run.sources; ++i) f(run.source[i]);
}

Fault differ_in_length(const VecRun& run, int length) {
    const auto is_short = [&](const Stream& s) { return in_memory(s) && s.length > 0 && s.length < length; };
    const auto found = std::find_if(run.source.begin(), run.source.begin() + run.sources, is_short);
    const bool is_source = found != run.source.begin() + run.sources;
    const auto which = is_source ? "source " + std::to_string(found - run.source.begin() + 1) : std::string("the destination");
    return Fault("operands differ in length: " + which + " has " + std::to_string((is_source ? *found : run.dst).length) +
                 " elements, the operation " + std::to_string(length));
}

// The number of elements: that of the first source with a length, or else of the destination; 0 counts only if there
// is no other (docs/findings.md). Operands may be longer, but those in memory not shorter.
void settle_length(VecRun& run) {
    bool endless = false, empty = false;
    int length = none;
    int shortest = std::numeric_limits<int>::max();  // of those in memory
    const auto look = [&](const Stream& s) {
        if (!s.has_length) return;
        if (s.length == infinite_length) endless = true;
        else if (s.length == 0) empty = true;
        else if (length == none) length = s.length;
        if (in_memory(s) && s.length > 0) shortest = std::min<int>(shortest, s.length);
    };
    each_source(run, look);
    look(run.dst);
    if (shortest < length) throw differ_in_length(run, length);
    run.infinite = length == none && endless && !empty;
    run.remaining = run.infinite ? 0 : length != none ? static_cast<uint32_t>(length) : empty ? 0 : 1;
}

// A result that goes to a scalar again and again accumulates: it is fed back into the one source that is a scalar.
int accumulator_of(const VecRun& run) {
    if (run.dst.kind != StreamKind::pointer || run.sources < 2) return none;
    for (int i = 0; i < run.sources; ++i)
        if (run.source[static_cast<size_t>(i)].kind == StreamKind::scalar) return i;
    return none;
}

// Distance of successive elements of an operand in memory, in elements.
int stride_of(const Stream& s) {
    if (s.kind == StreamKind::memory) return s.words == 1 ? s.step : s.step / s.words;
    return s.kind == StreamKind::shaped && !s.shape->strides.empty() ? s.shape->strides.back() : 1;
}

// Words of bank bandwidth that one element of a source takes. A FIFO lies in memory as well.
int bank_words(const Machine& machine, const Stream& s) {
    const bool fifo = s.kind == StreamKind::fifo;
    const int stride = fifo ? 1 : stride_of(s);
    if ((!fifo && !in_memory(s)) || stride == 0) return 0;
    const auto& table = machine.memory.stride_words;
    const int words = std::abs(stride) == 1 ? 1 : table[static_cast<size_t>(std::abs(stride)) % table.size()];
    return std::min(s.words * words, machine.memory.words_per_cycle);
}

// Two different sources of equal stride collide when they start in the same banks.
bool conflict(const Machine& machine, const Stream& a, const Stream& b) {
    if (!in_memory(a) || !in_memory(b) || a.words != b.words || stride_of(a) != stride_of(b)) return false;
    const int64_t distance = element_address(a) - element_address(b);
    const int modulus = a.words == 1 ? machine.memory.conflict_modulus_16 : machine.memory.conflict_modulus_32;
    return modulus > 0 && distance != 0 && distance % modulus == 0;
}

bool collides(const Machine& machine, const VecRun& run) {
    for (size_t i = 1; i < run.sources; ++i)
        for (size_t k = 0; k < i; ++k)
            if (conflict(machine, run.source[k], run.source[i])) return true;
    return false;
}

// Ticks that an element takes of a link: one wavelet after the other, or both of a SIMD group of 64 bits together.
int64_t link_ticks(const Machine& machine, const Stream& s) {
    if (!in_fabric(s)) return 0;
    if (s.simd_elements > s.pack) return ticks_per_cycle * machine.fabric.simd_period / s.simd_elements;
    return ticks_per_cycle * machine.fabric.link_period / s.pack;
}

// Ticks an element takes: arithmetic width, memory banks, links, and the latency of a reduction.
int64_t period_of(const Machine& machine, const VecRun& run) {
    const int width = machine.vector_width[static_cast<size_t>(run.op->op)];
    int64_t words = 0;
    int64_t links = link_ticks(machine, run.dst);
    each_source(run, [&](const Stream& s) {
        words += bank_words(machine, s);
        links = std::max(links, link_ticks(machine, s));
    });
    int64_t period = ticks_per_cycle / width;
    if (words > 0) {
        const int banks = machine.memory.words_per_cycle * machine.vector.rate_percent;
        period = std::max(period, ticks_per_cycle * words * 100 / banks);
    }
    if (collides(machine, run)) period *= machine.memory.conflict_cycles;
    period = std::max(period, links);
    if (run.accumulator != none) period = std::max(period, ticks_per_cycle * machine.vector.reduction_cycles);
    return period;
}

// Elements that go through in one cycle of the issue slot: what the period allows, or a whole SIMD group.
int group_of(const VecRun& run) {
    int group = run.period >= ticks_per_cycle ? 1 : static_cast<int>((ticks_per_cycle + run.period - 1) / std::max(run.period, 1u));
    const auto look = [&](const Stream& s) {
        if (in_fabric(s)) group = std::max<int>(group, s.simd_elements);
    };
    look(run.dst);
    each_source(run, look);
    return group;
}

void merge(Options& into, const Options& more) {
    for (int i = 0; i < more.completion_count && into.completion_count < static_cast<int>(into.completions.size());
         ++i) {
        into.completions[static_cast<size_t>(into.completion_count++)] = more.completions[static_cast<size_t>(i)];
    }
    if (into.microthread == none) into.microthread = more.microthread;
    into.priority = std::max(into.priority, more.priority);
    if (more.on_control != OnControl::ignore) {
        into.on_control = more.on_control;
        into.on_control_task = more.on_control_task;
    }
}

void set_up_operands(Pe& pe, VecRun& run, const VecOp& op) {
    const ElementWords& words = words_table[static_cast<size_t>(op.op)];
    run.op = &op;
    run.loc = op.loc;
    run.function = ops::vec_table[static_cast<size_t>(op.op)];
    run.sources = static_cast<uint8_t>(op.sources.size());
    run.dst = pe.make_stream(op.dst, words.dst, true);
    int priority = std::max<int>(run.options.priority, run.dst.priority);
    for (size_t i = 0; i < run.sources; ++i) {
        run.source[i] = pe.make_stream(op.sources[i], words.source[i], false);
        priority = std::max<int>(priority, run.source[i].priority);
    }
    run.options.priority = static_cast<int8_t>(priority);
}

// Its own, and those of its DSRs.
Options options_of(const Pe& pe, const VecOp& op) {
    Options options = pe.resolve(op.options);
    const auto add = [&](const VecOperand& o) {
        if (const Dsr* dsr = pe.dsr_of(o)) merge(options, dsr->options);
    };
    add(op.dst);
    for (const VecOperand& o : op.sources) add(o);
    return options;
}

// As a priority of the main thread's register: 0 is the default of both, and there are steps between.
int8_t level_of(int priority) {
    return priority == 3 ? 3 : priority == 2 ? 1 : 0;
}

// The microthread of an asynchronous operation: the given one, or the number of the queue of the destination, else of
// the first source in the fabric, else any that is free.
int microthread_of(const Pe& pe, const VecOp& op, const Options& options) {
    if (options.microthread != none) return options.microthread;
    const Dsd dst = pe.dsd_of(op.dst);
    if (dst.kind() == DsdKind::fabout) return dst.address();
    for (const VecOperand& o : op.sources)
        if (const Dsd source = pe.dsd_of(o); source.kind() == DsdKind::fabin) return source.address();
    const int count = pe.env->machine.microthreads.count;
    for (int i = count; i-- > 0;)
        if (!pe.busy(i)) return i;
    return count - 1;
}

// An operation that cannot start: what is wrong with its operands is told before what is wrong with its thread.
void hold_back(Pe& pe, const VecOp& op, int thread, bool exists) {
    VecRun unused;
    set_up_operands(pe, unused, op);
    if (!exists) throw Fault("microthread " + std::to_string(thread) + " does not exist");
    pe.waits_for_thread = static_cast<int8_t>(thread);
}

}  // namespace

// Cycles of the main thread before an operation: its DSDs are loaded into DSRs first, one after the other, but for those
// that the program has loaded itself, and the last load takes its time.
int start_of(const Machine& machine, const VecOp& op) {
    return machine.vector.start + (op.dsds > 0 ? op.dsds * machine.dsr_load + machine.dsr_latency - 1 : 0);
}

bool Pe::start_vector(const VecOp& op) {
    const bool is_async = op.options.is_async;
    const Options options = options_of(*this, op);
    const int thread = is_async ? microthread_of(*this, op, options) : main_thread();
    const bool exists = !is_async || thread < main_thread();
    if (!exists || busy(thread)) return hold_back(*this, op, thread, exists), false;
    VecRun& run = new_run(thread);
    run.options = options;
    set_up_operands(*this, run, op);
    settle_length(run);
    find_bounds(*program, run);
    if (run.dst.kind == StreamKind::fabric_out && !router.find(run.dst.color))
        throw Fault("sends on color " + std::to_string(run.dst.color) + ", which has no route here");
    run.accumulator = static_cast<int8_t>(accumulator_of(run));
    run.period = static_cast<uint32_t>(period_of(env->machine, run));
    run.group = static_cast<uint16_t>(group_of(run));
    run.level = level_of(run.options.priority);
    const int start = start_of(env->machine, op) + (is_async ? env->machine.microthreads.start : 0);
    run.next_tick = static_cast<int64_t>(env->now + static_cast<uint64_t>(start)) * ticks_per_cycle;
    run.started_in = current_function;
    running |= uint32_t{1} << thread;
    raised = static_cast<uint16_t>((raised & ~(1u << thread)) | unsigned{run.level > 0} << thread);
    for (const auto& observer : env->observers) {
        observer->operation_started(env->now, x, y, thread, vec_rows[static_cast<size_t>(op.op)].name.data(),
                                    run.remaining);
    }
    if (run.remaining == 0 && !run.infinite) finish_run(thread);
    return true;
}

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
    for (int i = 0; i < run.sources; ++i) {
        const Stream& s = run.source[static_cast<size_t>(i)];
        int already_taken = 0;
        for (int k = 0; k < i && s.kind == StreamKind::fabric_in; ++k) {
            const Stream& other = run.source[static_cast<size_t>(k)];
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
    const auto ends = [&](const Stream& s, bool output) {
        if (s.kind != StreamKind::fifo) return false;
        const Fifo& fifo = fifos[static_cast<size_t>(s.number)];
        return output ? fifo.full_action == FifoAction::terminate && !pe.fifo_has_room(s)
                      : fifo.empty_action == FifoAction::terminate && !pe.fifo_has(s);
    };
    if (ends(run.dst, true)) return true;
    for (int i = 0; i < run.sources; ++i)
        if (ends(run.source[static_cast<size_t>(i)], false)) return true;
    return false;
}

}  // namespace

bool Pe::may_advance(const VecRun& run) const {
    if (run.next_tick / ticks_per_cycle > static_cast<int64_t>(env->now)) return false;
    return (inputs_ready(run) && output_ready(run.dst)) || ended_by_fifo(*this, run);
}

// Control wavelets at the head of what an operation reads: they end it, activate a task, or are left to the
// scheduler. On a blocked channel the scheduler would never take them, so they are dropped there.
void Pe::meet_controls(int thread) {
    VecRun& run = run_of(thread);
    for (int i = 0; i < run.sources && busy(thread); ++i) {
        const Stream& s = run.source[static_cast<size_t>(i)];
        if (s.kind != StreamKind::fabric_in || s.control_transform) continue;
        const WaveletQueue& queue = channels[static_cast<size_t>(s.number)].wavelets;
        while (busy(thread) && queue.has_ready(env->now) && queue.front().control) {
            if (run.options.on_control == OnControl::ignore && !(blocked >> s.number & 1)) return;
            take_wavelet(s.number);
            if (run.options.on_control == OnControl::ignore) ++env->stats.dropped_controls;
            if (run.options.on_control == OnControl::activate)
                activate(run.options.on_control_task, env->machine.microthreads.end);
            if (run.options.on_control == OnControl::terminate) finish_run(thread);
        }
    }
}

// ------------------------------------------------------------------------------------------------- progress

// Memory is read in lines of one word a bank, each source its own: what the last lines had besides the elements needed is
// time as well.
int64_t rest_of_lines(const Machine& machine, const VecRun& run) {
    if (run.accumulator != none || in_fabric(run.dst)) return 0;
    int64_t lines = 0, words = 0;
    for (int i = 0; i < run.sources; ++i) {
        const Stream& s = run.source[static_cast<size_t>(i)];
        if (in_fabric(s)) return 0;
        const int64_t read = int64_t{run.done} * bank_words(machine, s);
        lines += (read + machine.memory.words_per_cycle - 1) / machine.memory.words_per_cycle;
        words += read;
    }
    if (words == 0) return 0;
    const int64_t needed = lines * ticks_per_cycle * 100 / machine.vector.rate_percent;
    const int64_t factor = collides(machine, run) ? machine.memory.conflict_cycles : 1;
    return std::max<int64_t>(0, needed * factor - int64_t{run.done} * run.period);
}

void Pe::advance_run(int thread) {
    VecRun& run = run_of(thread);
    if (thread == main_thread()) {
        current_loc = run.loc;
        current_function = run.started_in;
    }
    if (ended_by_fifo(*this, run)) return finish_run(thread);
    run.next_tick = std::max(run.next_tick, static_cast<int64_t>(env->now) * ticks_per_cycle);
    const int most = run.infinite
                         ? run.group
                         : static_cast<int>(std::min<uint32_t>(run.remaining, static_cast<uint32_t>(run.group)));
    for (int k = 0; k < most; ++k) {
        if (k > 0 && !(inputs_ready(run) && output_ready(run.dst))) break;
        if (run.done >= run.bound) leave_variable(*this, run);
        advance_element(run);
    }
    if (run.infinite || run.remaining > 0) return;
    run.next_tick += rest_of_lines(env->machine, run);
    finish_run(thread);
}

void Pe::advance_element(VecRun& run) {
    int index = run.options.index == none ? 0 : run.options.index;
    std::array<uint32_t, 3> values{};
    std::array<int64_t, 2> read_from{none, none};
    for (int i = 0; i < run.sources; ++i) {
        Stream& s = run.source[static_cast<size_t>(i)];
        if (i < 2 && in_memory(s)) read_from[static_cast<size_t>(i)] = element_address(s);
        values[static_cast<size_t>(i)] = read_element(s, index);
    }
    const uint32_t result = run.function(values[0], values[1], values[2]);
    if (run.accumulator != none) run.source[static_cast<size_t>(run.accumulator)].scalar = result;
    write_element(run.dst, result, index, run.remaining == 1 && !run.infinite);
    if (run.dst.zero_first && read_from[0] != none) memory.store(read_from[0], run.source[0].words, 0);
    if (run.dst.zero_second && read_from[1] != none) memory.store(read_from[1], run.source[1].words, 0);
    ++run.done;
    if (!run.infinite) --run.remaining;
    run.next_tick += run.period;
    ++env->stats.vector_elements;
}

uint32_t Pe::read_element(Stream& s, int& index) {
    switch (s.kind) {
    case StreamKind::scalar: return s.scalar;
    case StreamKind::fifo: return fifo_pop(s);
    case StreamKind::fabric_in: {
        if (s.packed) return --s.packed, s.packing >> 16;
        const Wavelet w = take_wavelet(s.number);
        if (s.control_transform) return w.control ? w.data | 0x8000'0000u : w.data & 0x7fff'ffffu;
        if (s.pack > 1) s.packed = 1, s.packing = w.data;
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
        if (!dst.packed && !last) return dst.packed = 1, dst.packing = value, false;
        if (dst.packed) value = dst.packing | value << 16;
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
        outputs[static_cast<size_t>(dst.number)].wavelets.push(wavelet, env->arena);
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

void settle_streams(VecRun& run) {
    if (sends(run.flow)) run.source[0].address = run.address;
    if (receives(run.flow)) run.dst.address = run.address;
}

void Pe::finish_run(int thread) {
    VecRun& run = run_of(thread);
    settle_streams(run);
    running &= ~(uint32_t{1} << thread);
    save_address(*this, run.dst);
    for (int i = 0; i < run.sources; ++i) save_address(*this, run.source[static_cast<size_t>(i)]);
    const auto end = static_cast<uint64_t>((run.next_tick + ticks_per_cycle - 1) / ticks_per_cycle);
    if (thread == main_thread()) main_ready = std::max(main_ready, end);
    const int delay = static_cast<int>(end > env->now ? end - env->now : 0) +
                      (thread == main_thread() ? 0 : env->machine.microthreads.end);
    for (int i = 0; i < run.options.completion_count; ++i)
        complete(run.options.completions[static_cast<size_t>(i)], delay);
    ++env->stats.vector_operations;
    for (const auto& observer : env->observers) observer->operation_ended(env->now, x, y, thread);
}

}  // namespace wafersim
