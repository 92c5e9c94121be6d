// What follows from the operands of a DSD operation: how many elements it has, how fast it goes, in what way the fast engine
// advances it.
#include "plan.h"

#include <algorithm>
#include <limits>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

namespace {

template <class F>
void each_source(const Plan& plan, F f) {
    for (size_t i = 0; i < plan.sources; ++i) f(plan.source[i]);
}

Fault differ_in_length(const Plan& plan, int length) {
    const auto is_short = [&](const Stream& s) { return in_memory(s) && s.length > 0 && s.length < length; };
    const auto found = std::find_if(plan.source.begin(), plan.source.begin() + plan.sources, is_short);
    const bool is_source = found != plan.source.begin() + plan.sources;
    const auto which = is_source ? "source " + std::to_string(found - plan.source.begin() + 1) : std::string("the destination");
    return Fault("operands differ in length: " + which + " has " + std::to_string((is_source ? *found : plan.dst).length) +
                 " elements, the operation " + std::to_string(length));
}

// The number of elements: that of the first source with a length, or else of the destination; 0 counts only if there
// is no other (docs/findings.md). Operands may be longer, but those in memory not shorter.
void settle_length(Plan& plan) {
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
    each_source(plan, look);
    look(plan.dst);
    if (shortest < length) throw differ_in_length(plan, length);
    plan.infinite = length == none && endless && !empty;
    plan.length = plan.infinite ? 0 : length != none ? static_cast<uint32_t>(length) : empty ? 0 : 1;
}

// A result that goes to a scalar again and again accumulates: it is fed back into the one source that is a scalar.
int accumulator_of(const Plan& plan) {
    if (plan.dst.kind != StreamKind::pointer || plan.sources < 2) return none;
    for (int i = 0; i < plan.sources; ++i)
        if (plan.source[static_cast<size_t>(i)].kind == StreamKind::scalar) return i;
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

bool collides(const Machine& machine, const Plan& plan) {
    for (size_t i = 1; i < plan.sources; ++i)
        for (size_t k = 0; k < i; ++k)
            if (conflict(machine, plan.source[k], plan.source[i])) return true;
    return false;
}

// Ticks that an element takes of a link: one wavelet after the other, or both of a SIMD group of 64 bits together.
int64_t link_ticks(const Machine& machine, const Stream& s) {
    if (!in_fabric(s)) return 0;
    if (s.simd_elements > s.pack) return ticks_per_cycle * machine.fabric.simd_period / s.simd_elements;
    return ticks_per_cycle * machine.fabric.link_period / s.pack;
}

// Ticks an element takes: arithmetic width, memory banks, links, and the latency of a reduction.
int64_t period_of(const Machine& machine, const Plan& plan) {
    const int width = machine.vector_width[static_cast<size_t>(plan.op)];
    int64_t words = 0;
    int64_t links = link_ticks(machine, plan.dst);
    each_source(plan, [&](const Stream& s) {
        words += bank_words(machine, s);
        links = std::max(links, link_ticks(machine, s));
    });
    int64_t period = ticks_per_cycle / width;
    if (words > 0) {
        const int banks = machine.memory.words_per_cycle * machine.vector.rate_percent;
        period = std::max(period, ticks_per_cycle * words * 100 / banks);
    }
    if (collides(machine, plan)) period *= machine.memory.conflict_cycles;
    period = std::max(period, links);
    if (plan.accumulator != none) period = std::max(period, ticks_per_cycle * machine.vector.reduction_cycles);
    return period;
}

// Elements that go through in one cycle of the issue slot: what the period allows, or a whole SIMD group.
int group_of(const Plan& plan) {
    int group = plan.period >= ticks_per_cycle ? 1 : static_cast<int>((ticks_per_cycle + plan.period - 1) / std::max(plan.period, 1u));
    const auto look = [&](const Stream& s) {
        if (in_fabric(s)) group = std::max<int>(group, s.simd_elements);
    };
    look(plan.dst);
    each_source(plan, look);
    return group;
}

// Words of elements, by the operation's row.
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

// ------------------------------------------------------------------------------------------------ flows

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

bool simple(const Plan& plan) {
    int inputs = 0;
    bool simple = simple_destination(plan.dst);
    for (size_t i = 0; i < plan.sources; ++i) {
        simple = simple && simple_source(plan.source[i]);
        inputs += plan.source[i].kind == StreamKind::fabric_in;
    }
    return simple && inputs <= 1;
}

// Both elements of a pair go through in the same cycle.
bool keeps_pairs(const Plan& plan, const Stream& fabric) { return plan.group % 2 == 0 && !fabric.packed; }

bool moves_elements(const Plan& plan) {
    const Stream &from = plan.source[0], &to = plan.dst;
    return plan.sources == 1 && from.words == to.words && !to.advance_switch && !to.zero_first && !to.zero_second &&
           !from.index_offset && !to.index_offset && !from.control_transform && !to.control_transform;
}

// Memory to fabric, fabric to memory, fabric to fabric: elements need the first line of the run only.
Flow moving(const Plan& plan) {
    if (!moves_elements(plan)) return Flow::unknown;
    const Stream &from = plan.source[0], &to = plan.dst;
    if (to.kind == StreamKind::fabric_out && from.kind == StreamKind::memory) {
        if (to.pack == 2) return keeps_pairs(plan, to) ? Flow::send_pair : Flow::unknown;
        return to.words == 1 ? Flow::send16 : Flow::send32;
    }
    if (to.kind == StreamKind::memory && from.kind == StreamKind::fabric_in) {
        if (from.pack == 2) return keeps_pairs(plan, from) ? Flow::receive_pair : Flow::unknown;
        return to.words == 1 ? Flow::receive16 : Flow::receive32;
    }
    if (to.kind == StreamKind::fabric_out && from.kind == StreamKind::fabric_in && from.pack == 2 && to.pack == 2)
        return keeps_pairs(plan, from) && keeps_pairs(plan, to) ? Flow::pass_pair : Flow::unknown;
    return Flow::unknown;
}

}  // namespace

ElementWords words_of_elements(Vec op) { return words_table[static_cast<size_t>(op)]; }

// What follows from the operands.
void settle(const Program& program, const Machine& machine, Plan& plan) {
    settle_length(plan);
    find_bounds(program, plan);
    plan.accumulator = static_cast<int8_t>(accumulator_of(plan));
    plan.period = static_cast<uint32_t>(period_of(machine, plan));
    plan.group = static_cast<uint16_t>(group_of(plan));
    plan.step = in_memory(plan.dst) ? plan.dst.step : plan.source[0].step;
    plan.control = plan.dst.control;
}

namespace {

// As a priority of the main thread's register: 0 is the default of both, and there are steps between.
int8_t level_of(int priority) { return priority == 3 ? 3 : priority == 2 ? 1 : 0; }

}  // namespace

void set_options(Plan& plan, const Options& options) {
    const int8_t priority = std::max(options.priority, plan.options.priority);
    plan.options = options;
    plan.options.priority = priority;
    plan.level = level_of(priority);
}

int microthread_of(const OperandDsds& dsds, const Options& options) {
    if (options.microthread != none) return options.microthread;
    if (dsds[0].kind() == DsdKind::fabout) return dsds[0].address();
    for (size_t i = 1; i < dsds.size(); ++i)
        if (dsds[i].kind() == DsdKind::fabin) return dsds[i].address();
    return none;
}

Flow flow_of(const Plan& plan) {
    const Flow flow = moving(plan);
    return flow != Flow::unknown ? flow : simple(plan) ? Flow::simple : Flow::general;
}

// Memory is read in lines of one word a bank, each source its own: what the last lines had besides the elements needed is
// time as well.
int64_t rest_of_lines(const Machine& machine, const Plan& plan, uint32_t done) {
    if (plan.rest != none) return plan.rest;
    if (plan.accumulator != none || in_fabric(plan.dst)) return 0;
    int64_t lines = 0, words = 0;
    for (size_t i = 0; i < plan.sources; ++i) {
        if (in_fabric(plan.source[i])) return 0;
        const int64_t read = int64_t{done} * bank_words(machine, plan.source[i]);
        lines += (read + machine.memory.words_per_cycle - 1) / machine.memory.words_per_cycle;
        words += read;
    }
    if (words == 0) return 0;
    const int64_t needed = lines * ticks_per_cycle * 100 / machine.vector.rate_percent;
    const int64_t factor = collides(machine, plan) ? machine.memory.conflict_cycles : 1;
    return std::max<int64_t>(0, needed * factor - int64_t{done} * plan.period);
}

}  // namespace wafersim
