// How a DSD operation starts: its operands, how many elements it has, how fast it goes, on which thread.
//
// Most of this follows from the operation and its DSDs. Where those are constants it is worked out when the program is loaded
// (`prepare_operations`) and copied at each start; then only what belongs to the PE is left: queues, scalars, options.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

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

// `stream` makes the stream of an operand.
template <class F>
void set_up_operands(VecRun& run, const VecOp& op, F stream) {
    const ElementWords& words = words_table[static_cast<size_t>(op.op)];
    run.op = &op;
    run.loc = op.loc;
    run.function = ops::vec_table[static_cast<size_t>(op.op)];
    run.sources = static_cast<uint8_t>(op.sources.size());
    run.dst = stream(op.dst, words.dst, true);
    run.options.priority = static_cast<int8_t>(run.dst.priority);
    for (size_t i = 0; i < run.sources; ++i) {
        run.source[i] = stream(op.sources[i], words.source[i], false);
        run.options.priority = std::max(run.options.priority, static_cast<int8_t>(run.source[i].priority));
    }
}

void set_up_operands(Pe& pe, VecRun& run, const VecOp& op) {
    set_up_operands(run, op, [&](const VecOperand& o, int words, bool is_destination) {
        return pe.make_stream(o, words, is_destination);
    });
}

// What follows from the operands.
void settle(const Program& program, const Machine& machine, VecRun& run) {
    settle_length(run);
    find_bounds(program, run);
    run.accumulator = static_cast<int8_t>(accumulator_of(run));
    run.period = static_cast<uint32_t>(period_of(machine, run));
    run.group = static_cast<uint16_t>(group_of(run));
}

OperandDsds dsds_of(const Pe& pe, const VecOp& op) {
    OperandDsds dsds{pe.dsd_of(op.dst)};
    for (size_t i = 0; i < op.sources.size(); ++i) dsds[i + 1] = pe.dsd_of(op.sources[i]);
    return dsds;
}

void bind_operands(Pe& pe, VecRun& run, const PreparedRun& prepared) {
    const VecOp& op = *run.op;
    each_bit(prepared.bound_later, [&](size_t i) {
        Stream& stream = i == 0 ? run.dst : run.source[i - 1];
        pe.bind_stream(stream, i == 0 ? op.dst : op.sources[i - 1], prepared.dsds[i], i == 0);
    });
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
int microthread_of(const Pe& pe, const OperandDsds& dsds, const Options& options) {
    if (options.microthread != none) return options.microthread;
    if (dsds[0].kind() == DsdKind::fabout) return dsds[0].address();
    for (size_t i = 1; i < dsds.size(); ++i)
        if (dsds[i].kind() == DsdKind::fabin) return dsds[i].address();
    const int count = pe.env->machine.microthreads.count;
    for (int i = count; i-- > 0;)
        if (!pe.busy(i)) return i;
    return count - 1;
}

VecRun& set_up_run(Pe& pe, const VecOp& op, const OperandDsds& dsds, int thread) {
    if (op.prepared && op.prepared->dsds == dsds) {
        VecRun& run = pe.new_run(thread, op.prepared->run);
        bind_operands(pe, run, *op.prepared);
        return run;
    }
    VecRun& run = pe.new_run(thread, {});
    set_up_operands(pe, run, op);
    settle(*pe.program, pe.env->machine, run);
    return run;
}

// An operation that cannot start: what is wrong with its operands is told before what is wrong with its thread.
void hold_back(Pe& pe, const VecOp& op, int thread, bool exists) {
    VecRun unused;
    set_up_operands(pe, unused, op);
    if (!exists) throw Fault("microthread " + std::to_string(thread) + " does not exist");
    pe.waits_for_thread = static_cast<int8_t>(thread);
}

// ---------------------------------------------------------------------------------------- before any PE starts it

// Of kind `none` for an operand without. FIFOs are no constants: the PE gives them their length.
Dsd constant_dsd(const Program& program, const VecOperand& o) {
    if (o.kind != OperandKind::dsd && o.kind != OperandKind::dsr) return {};
    const auto number = static_cast<size_t>(-2 - o.value);
    const bool is_constant = o.kind == OperandKind::dsd && o.value < none && number < program.constants.size();
    const Dsd dsd = is_constant ? Dsd{program.constants[number]} : Dsd{};
    if (!is_constant || dsd.kind() == DsdKind::fifo) throw Fault("DSD of which only the PE knows");
    return dsd;
}

// The rest of its lines depends on where the operands end.
void foretell_rest(const Machine& machine, VecRun& run) {
    if (run.infinite) return;
    VecRun end = run;
    end.done = run.remaining;
    for (size_t i = 0; i < run.sources; ++i)
        if (!skip(end.source[i], end.done)) return;
    run.rest = rest_of_lines(machine, end);
}

void prepare(const Program& program, const Machine& machine, PreparedRun& prepared, const VecOp& op) {
    size_t next = 0;
    set_up_operands(prepared.run, op, [&](const VecOperand& o, int words, bool is_destination) {
        prepared.dsds[next] = constant_dsd(program, o);
        const Stream stream = stream_of(program, o, prepared.dsds[next], words, is_destination);
        if (!in_memory(stream)) prepared.bound_later |= static_cast<uint8_t>(1u << next);
        ++next;
        return stream;
    });
    settle(program, machine, prepared.run);
    foretell_rest(machine, prepared.run);
}

}  // namespace

void prepare_operations(Program& program, const Machine& machine) {
    for (VecOp& op : program.vecops) {
        const auto prepared = std::make_shared<PreparedRun>();
        try {
            prepare(program, machine, *prepared, op);
            op.prepared = prepared;
        } catch (const Fault&) {  // what is wrong is told when a PE starts it
        }
    }
}

bool Pe::start_vector(const VecOp& op) {
    const bool is_async = op.options.is_async;
    const OperandDsds dsds = dsds_of(*this, op);
    const Options options = options_of(*this, op);
    const int thread = is_async ? microthread_of(*this, dsds, options) : main_thread();
    const bool exists = !is_async || thread < main_thread();
    if (!exists || busy(thread)) return hold_back(*this, op, thread, exists), false;
    VecRun& run = set_up_run(*this, op, dsds, thread);
    if (run.dst.kind == StreamKind::fabric_out && !router.find(run.dst.color))
        throw Fault("sends on color " + std::to_string(run.dst.color) + ", which has no route here");
    const int8_t priority = std::max(options.priority, run.options.priority);
    run.options = options;
    run.options.priority = priority;
    run.level = level_of(priority);
    const int start = op.start + (is_async ? env->machine.microthreads.start : 0);
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

// Memory is read in lines of one word a bank, each source its own: what the last lines had besides the elements needed is
// time as well.
int64_t rest_of_lines(const Machine& machine, const VecRun& run) {
    if (run.rest != none) return run.rest;
    if (run.accumulator != none || in_fabric(run.dst)) return 0;
    int64_t lines = 0, words = 0;
    for (size_t i = 0; i < run.sources; ++i) {
        if (in_fabric(run.source[i])) return 0;
        const int64_t read = int64_t{run.done} * bank_words(machine, run.source[i]);
        lines += (read + machine.memory.words_per_cycle - 1) / machine.memory.words_per_cycle;
        words += read;
    }
    if (words == 0) return 0;
    const int64_t needed = lines * ticks_per_cycle * 100 / machine.vector.rate_percent;
    const int64_t factor = collides(machine, run) ? machine.memory.conflict_cycles : 1;
    return std::max<int64_t>(0, needed * factor - int64_t{run.done} * run.period);
}

}  // namespace wafersim
