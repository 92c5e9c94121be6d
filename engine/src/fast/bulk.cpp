// One loop for each row of vecops.def over operands in memory; all other operands go element by element.
//
// Elements are read and written in order, one after the other: overlapping operands behave as on the machine.
#include "bulk.h"

#include <algorithm>

#include "wafersim/ops.h"

namespace wafersim::fast {

namespace {

// All words that the stream may touch with its next `count` elements exist.
bool within_memory(const Stream& s, int64_t count, const Memory& memory) {
    int64_t low = s.address, high = s.address;
    switch (s.kind) {
    case StreamKind::none:
    case StreamKind::scalar: return true;
    case StreamKind::pointer: break;
    case StreamKind::memory: (s.step < 0 ? low : high) += (count - 1) * s.step; break;
    case StreamKind::circular:
        if (s.address < s.shape->start || s.address >= s.shape->start + s.shape->words) return false;
        low = s.shape->start;
        high = s.shape->start + s.shape->words - 1;
        break;
    case StreamKind::shaped:
        for (size_t d = 0; d < s.shape->extents.size(); ++d) {
            const int64_t reach = int64_t{s.shape->extents[d] - 1} * s.shape->strides[d] * s.words;
            (reach < 0 ? low : high) += reach;
        }
        break;
    default: return false;
    }
    return memory.holds(low, high + s.words);
}

bool known(const Pe& pe, const Stream& s, uint32_t count) {
    return !s.index_offset && (count == 0 || within_memory(s, count, pe.memory));
}

// Elements of a stream in memory that lie at equal distances, from the next one on.
struct Stretch {
    int64_t address;
    int32_t step;
    uint32_t length;
};

Stretch stretch_of(const Stream& s) {
    constexpr uint32_t endless = ~uint32_t{0};
    switch (s.kind) {
    case StreamKind::shaped: {
        const int extent = s.shape->extents.back(), at = s.place[s.shape->extents.size() - 1];
        return {element_address(s), s.shape->strides.back() * s.words, static_cast<uint32_t>(extent - at)};
    }
    case StreamKind::circular: {
        const int left = s.shape->start + s.shape->words - s.address;
        return {s.address, s.step, static_cast<uint32_t>((left + s.step - 1) / s.step)};
    }
    case StreamKind::memory: return {s.address, s.step, endless};
    default: return {s.address, 0, endless};
    }
}

// Over `count` elements, but for the last of which all lie in the stretch.
void advance(Stream& s, uint32_t count) {
    if (s.kind == StreamKind::shaped) s.place[s.shape->extents.size() - 1] += static_cast<uint16_t>(count - 1);
    else if (in_memory(s)) s.address += s.step * static_cast<int32_t>(count - 1);
    wafersim::advance(s);
}

bool has_stretches(const Stream& s) { return in_memory(s) && (s.kind != StreamKind::shaped || !s.shape->extents.empty()); }

// The operands of a loop: where the next element is, and words from one to the next.
struct Operands {
    std::array<const uint16_t*, 3> source{};
    std::array<std::ptrdiff_t, 3> step{};
    uint16_t* dst = nullptr;
    std::ptrdiff_t dst_step = 0;
    uint16_t* feedback = nullptr;  // a reduction: the source that gets each result
};

template <int words>
uint32_t load(const uint16_t* p) {
    if constexpr (words == 1) return *p;
    else return p[0] | static_cast<uint32_t>(p[1]) << 16;
}

template <int words>
void store(uint16_t* p, uint32_t value) {
    p[0] = static_cast<uint16_t>(value);
    if constexpr (words == 2) p[1] = static_cast<uint16_t>(value >> 16);
}

constexpr int words_at(std::string_view types, int which) {
    for (; which > 0 && types.find(' ') != types.npos; --which) types.remove_prefix(types.find(' ') + 1);
    return element_words(types.substr(0, types.find(' ')));
}

template <Vec op, auto function>
void loop(Operands o, uint32_t count) {
    constexpr VecRow row = vec_rows[static_cast<size_t>(op)];
    constexpr int arity = count_words(row.sources), out = words_at(row.dst, 0);
    constexpr int w0 = words_at(row.sources, 0), w1 = words_at(row.sources, 1), w2 = words_at(row.sources, 2);
    for (; count > 0; --count) {
        uint32_t result;
        if constexpr (arity == 1) result = function(load<w0>(o.source[0]));
        else if constexpr (arity == 2) result = function(load<w0>(o.source[0]), load<w1>(o.source[1]));
        else result = function(load<w0>(o.source[0]), load<w1>(o.source[1]), load<w2>(o.source[2]));
        store<out>(o.dst, result);
        if (o.feedback) store<out>(o.feedback, result);
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

// Loops take streams that advance by a fixed step. A scalar is an element in `scalars` with step 0.
bool has_loop(const VecRun& run) {
    if (run.dst.zero_first || run.dst.zero_second) return false;
    if (!has_stretches(run.dst) && run.dst.kind != StreamKind::pointer) return false;
    for (size_t i = 0; i < run.sources; ++i)
        if (!has_stretches(run.source[i]) && run.source[i].kind != StreamKind::scalar) return false;
    return run.accumulator == none || run.source[static_cast<size_t>(run.accumulator)].words == run.dst.words;
}

// As many of `count` elements as all operands have in one stretch; their number.
uint32_t run_stretch(Pe& pe, VecRun& run, Operands& o, uint32_t count) {
    uint16_t* const memory = pe.memory.data();
    for (size_t i = 0; i < run.sources; ++i) {
        if (run.source[i].kind == StreamKind::scalar) continue;
        const Stretch stretch = stretch_of(run.source[i]);
        o.source[i] = memory + stretch.address;
        o.step[i] = stretch.step;
        count = std::min(count, stretch.length);
    }
    const Stretch stretch = stretch_of(run.dst);
    o.dst = memory + stretch.address;
    o.dst_step = stretch.step;
    count = std::min(count, stretch.length);
    loops[static_cast<size_t>(run.op->op)](o, count);
    for (size_t i = 0; i < run.sources; ++i) advance(run.source[i], count);
    advance(run.dst, count);
    return count;
}

void run_loop(Pe& pe, VecRun& run, uint32_t count) {
    std::array<std::array<uint16_t, 2>, 3> scalars;
    Operands o;
    for (size_t i = 0; i < run.sources; ++i) {
        if (run.source[i].kind != StreamKind::scalar) continue;
        store<2>(scalars[i].data(), run.source[i].scalar);
        o.source[i] = scalars[i].data();
    }
    const auto fed = static_cast<size_t>(run.accumulator);
    if (run.accumulator != none) o.feedback = scalars[fed].data();
    while (count > 0) count -= run_stretch(pe, run, o, count);
    if (run.accumulator != none) {
        run.source[fed].scalar = run.dst.words == 2 ? load<2>(o.feedback) : load<1>(o.feedback);
    }
}

}  // namespace

bool predictable(const Pe& pe, const VecRun& run) {
    if (run.infinite || run.done + run.remaining > run.bound || !known(pe, run.dst, run.remaining)) return false;
    for (int i = 0; i < run.sources; ++i)
        if (!known(pe, run.source[static_cast<size_t>(i)], run.remaining)) return false;
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
    if (count > 0 && has_loop(run)) {
        run_loop(pe, run, count);
        run.done += count;
        run.remaining -= count;
        run.next_tick += int64_t{run.period} * count;
        pe.env->stats.vector_elements += count;
        return;
    }
    for (; count > 0; --count) pe.advance_element(run);
}

}  // namespace wafersim::fast
