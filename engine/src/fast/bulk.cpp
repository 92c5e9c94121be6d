// DSD operations over operands in memory: in rows, many elements at a time, where no result is read again too early; in
// order, one element after the other, where operands overlap (as on the machine); all others by the functions of `Pe`.
#include "bulk.h"

#include <algorithm>

#include "../ops/blocks.h"
#include "places.h"
#include "stretch.h"
#include "wafersim/ops.h"

namespace wafersim::fast {

namespace {

using ops::load_element;
using ops::store_element;

// Words of memory: all that a stream touches.
struct Range {
    int64_t first, end;
};

Range range_of(const Stream& s, int64_t count) {
    int64_t low = s.address, high = s.address;
    switch (s.kind) {
    case StreamKind::memory: (s.step < 0 ? low : high) += (count - 1) * s.step; break;
    case StreamKind::circular:
        low = s.shape->start;
        high = s.shape->start + s.shape->words - 1;
        break;
    case StreamKind::shaped:
        for (size_t d = 0; d < s.shape->extents.size(); ++d) {
            const int64_t reach = int64_t{s.shape->extents[d] - 1} * s.shape->strides[d] * s.words;
            (reach < 0 ? low : high) += reach;
        }
        break;
    default: break;
    }
    return {low, high + s.words};
}

// All words that the stream may touch with its next `count` elements exist.
bool within_memory(const Stream& s, int64_t count, const Memory& memory) {
    switch (s.kind) {
    case StreamKind::none:
    case StreamKind::scalar: return true;
    case StreamKind::circular:
        if (s.address < s.shape->start || s.address >= s.shape->start + s.shape->words) return false;
        break;
    case StreamKind::pointer:
    case StreamKind::memory:
    case StreamKind::shaped: break;
    default: return false;
    }
    const Range range = range_of(s, count);
    return memory.holds(range.first, range.end);
}

bool known(const Pe& pe, const Stream& s, uint32_t count) {
    return !s.index_offset && (count == 0 || within_memory(s, count, pe.memory));
}

bool has_stretches(const Stream& s) { return in_memory(s) && (s.kind != StreamKind::shaped || !s.shape->extents.empty()); }

// Loops take streams that advance by a fixed step, and scalars.
bool has_loop(const Plan& plan) {
    if (plan.dst.zero_first || plan.dst.zero_second) return false;
    if (!has_stretches(plan.dst) && plan.dst.kind != StreamKind::pointer) return false;
    for (size_t i = 0; i < plan.sources; ++i)
        if (!has_stretches(plan.source[i]) && plan.source[i].kind != StreamKind::scalar) return false;
    return plan.accumulator == none || plan.source[static_cast<size_t>(plan.accumulator)].words == plan.dst.words;
}

// ------------------------------------------------------------------------------------------------ in order

// The operands of a loop: where the next element is, and words from one to the next.
struct Operands {
    std::array<const uint16_t*, 3> source{};
    std::array<std::ptrdiff_t, 3> step{};
    uint16_t* dst = nullptr;
    std::ptrdiff_t dst_step = 0;
    uint16_t* feedback = nullptr;  // a reduction: the source that gets each result
};

template <Vec op, auto function>
void loop(Operands o, uint32_t count) {
    constexpr int arity = vec_source_count(op), out = ops::dst_words(op);
    constexpr int w0 = ops::source_words(op, 0), w1 = ops::source_words(op, 1), w2 = ops::source_words(op, 2);
    for (; count > 0; --count) {
        uint32_t result;
        if constexpr (arity == 1) result = function(load_element<w0>(o.source[0]));
        else if constexpr (arity == 2) result = function(load_element<w0>(o.source[0]), load_element<w1>(o.source[1]));
        else result = function(load_element<w0>(o.source[0]), load_element<w1>(o.source[1]), load_element<w2>(o.source[2]));
        store_element<out>(o.dst, result);
        if (o.feedback) store_element<out>(o.feedback, result);
        for (int i = 0; i < arity; ++i) o.source[static_cast<size_t>(i)] += o.step[static_cast<size_t>(i)];
        o.dst += o.dst_step;
    }
}

using Loop = void (*)(Operands, uint32_t);

constexpr std::array<Loop, vec_count> loops{{
#define VEC(name, dst, sources, cost, meaning) loop<Vec::name, ops::vec_##name>,
#include "vecops.def"
#undef VEC
}};

// Where the operands of an operation have come to. A scalar stays where it is.
struct Walks {
    explicit Walks(Plan& plan) : dst(plan.dst) {
        for (size_t i = 0; i < plan.sources; ++i)
            if (plan.source[i].kind != StreamKind::scalar) source[i] = Walk(plan.source[i]);
    }
    void settle(const Plan& plan) {
        dst.settle();
        for (size_t i = 0; i < plan.sources; ++i)
            if (plan.source[i].kind != StreamKind::scalar) source[i].settle();
    }
    Walk dst;
    std::array<Walk, 3> source;
};

// As many of `count` elements as all operands have in one stretch; their number.
uint32_t run_stretch(Pe& pe, const Plan& plan, Walks& walks, Operands& o, uint32_t count) {
    uint16_t* const memory = pe.memory.data();
    count = std::min(count, walks.dst.left());
    o.dst = memory + walks.dst.address();
    o.dst_step = walks.dst.step();
    for (size_t i = 0; i < plan.sources; ++i) {
        if (plan.source[i].kind == StreamKind::scalar) continue;
        const Walk& walk = walks.source[i];
        count = std::min(count, walk.left());
        o.source[i] = memory + walk.address();
        o.step[i] = walk.step();
    }
    loops[static_cast<size_t>(plan.op)](o, count);
    walks.dst.advance(count);
    for (size_t i = 0; i < plan.sources; ++i)
        if (plan.source[i].kind != StreamKind::scalar) walks.source[i].advance(count);
    return count;
}

// A scalar is an element in `scalars` with step 0.
void run_in_order(Pe& pe, Plan& plan, uint32_t count) {
    std::array<std::array<uint16_t, 2>, 3> scalars;
    Operands o;
    for (size_t i = 0; i < plan.sources; ++i) {
        if (plan.source[i].kind != StreamKind::scalar) continue;
        store_element<2>(scalars[i].data(), plan.source[i].scalar);
        o.source[i] = scalars[i].data();
    }
    const auto fed = static_cast<size_t>(plan.accumulator);
    if (plan.accumulator != none) o.feedback = scalars[fed].data();
    Walks walks(plan);
    while (count > 0) count -= run_stretch(pe, plan, walks, o, count);
    walks.settle(plan);
    if (plan.accumulator != none) {
        plan.source[fed].scalar = plan.dst.words == 2 ? load_element<2>(o.feedback) : load_element<1>(o.feedback);
    }
}

// ------------------------------------------------------------------------------------------------ in rows

constexpr uint32_t row_elements = 128;
using Row = std::array<uint16_t, row_elements * 2>;

bool same_elements(const Stream& a, const Stream& b) {
    if (a.kind != b.kind || a.address != b.address || a.words != b.words) return false;
    return a.kind == StreamKind::shaped ? a.shape == b.shape && a.place == b.place : a.step == b.step;
}

// Which elements can be read before the results of any of them are written: all; those of one stretch, as an operand is
// worked on in place and shapes may come back to an element; none.
enum class Rows { all, stretch, none };

Rows rows_of(const Plan& plan, uint32_t count) {
    if (plan.accumulator != none) return Rows::none;
    const Range written = range_of(plan.dst, count);
    Rows rows = Rows::all;
    for (size_t i = 0; i < plan.sources; ++i) {
        const Stream& s = plan.source[i];
        if (s.kind == StreamKind::scalar) continue;
        const Range read = range_of(s, count);
        if (read.end <= written.first || written.end <= read.first) continue;
        if (!same_elements(s, plan.dst) || std::abs(step_of(s)) < s.words) return Rows::none;
        rows = Rows::stretch;
    }
    return rows;
}

void fill(Row& row, const Stream& scalar, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        if (scalar.words == 1) store_element<1>(row.data() + i, scalar.scalar);
        else store_element<2>(row.data() + 2 * i, scalar.scalar);
    }
}

// The next elements of a source: where they are if they lie in a row there, else copied. Rows are readable up to a
// multiple of block_elements.
const uint16_t* read_row(const Memory& memory, Walk& walk, int words, Row& copy, uint32_t count) {
    const int64_t readable = walk.address() + int64_t{count + ops::block_elements - 1} * words;
    if (walk.step() != words || walk.left() < count || readable > memory.stored()) {
        walk.gather(memory.data(), copy.data(), count);
        return copy.data();
    }
    const uint16_t* const row = memory.data() + walk.address();
    walk.advance(count);
    return row;
}

// Results go where they belong if they lie in a row there.
void write_row(Pe& pe, const Plan& plan, Walk& walk, const ops::Rows& sources, uint32_t count) {
    const ops::Block block = ops::block_of(plan.op);
    if (walk.step() == plan.dst.words && walk.left() >= count) {
        block(sources, pe.memory.data() + walk.address(), count);
        walk.advance(count);
    } else {
        Row results;
        block(sources, results.data(), count);
        walk.scatter(pe.memory.data(), results.data(), count);
    }
}

void run_rows(Pe& pe, Plan& plan, Rows rows, uint32_t count) {
    std::array<Row, 3> copies;
    ops::Rows sources{copies[0].data(), copies[1].data(), copies[2].data()};
    for (size_t i = 0; i < plan.sources; ++i)
        if (plan.source[i].kind == StreamKind::scalar) fill(copies[i], plan.source[i], std::min(count, row_elements));
    Walks walks(plan);
    for (uint32_t part; count > 0; count -= part) {
        part = std::min(count, rows == Rows::stretch ? std::min(walks.dst.left(), row_elements) : row_elements);
        for (size_t i = 0; i < plan.sources; ++i) {
            const Stream& s = plan.source[i];
            if (s.kind != StreamKind::scalar) sources[i] = read_row(pe.memory, walks.source[i], s.words, copies[i], part);
        }
        write_row(pe, plan, walks.dst, sources, part);
    }
    walks.settle(plan);
}

}  // namespace

bool predictable(const Pe& pe, const VecRun& run) {
    if (run.flow == Flow::memory) return true;  // it was found to be
    const Plan& plan = *run.plan;
    if (plan.infinite || plan.length > plan.bound || !known(pe, plan.dst, run.remaining)) return false;
    for (int i = 0; i < plan.sources; ++i)
        if (!known(pe, plan.source[static_cast<size_t>(i)], run.remaining)) return false;
    return true;
}

bool predictable(const Pe& pe, const MapRun& run) {
    if (!known(pe, run.output, run.remaining + 1)) return false;
    for (size_t i = 0; i < run.op->inputs.size(); ++i)
        if (!known(pe, run.input[i], run.remaining)) return false;
    const Function& function = pe.program->functions[static_cast<size_t>(run.op->function)];
    return pe.stack_end() + static_cast<uint64_t>(function.frame_words) <= static_cast<uint64_t>(pe.program->memory_end) &&
           pe.frames.size() < static_cast<size_t>(pe.memory.size());
}

void advance_elements(Pe& pe, VecRun& run, uint32_t count) {
    if (count == 0) return;
    if (run.plan->places) {
        run_places(pe, run, count);
    } else {
        Plan& plan = pe.own_plan(run);
        if (!has_loop(plan)) {
            for (; count > 0; --count) pe.advance_element(run, plan);
            return;
        }
        const Rows rows = rows_of(plan, count);
        rows == Rows::none ? run_in_order(pe, plan, count) : run_rows(pe, plan, rows, count);
    }
    run.remaining -= count;
    run.next_tick += int64_t{run.plan->period} * count;
    pe.env->stats.vector_elements += count;
}

}  // namespace wafersim::fast
