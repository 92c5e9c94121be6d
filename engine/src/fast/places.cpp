// Rows of elements whose addresses are listed: as many at a time as can be read before any result is written.
#include "places.h"

#include <algorithm>

#include "../ops/blocks.h"

namespace wafersim::fast {

namespace {

using ops::load_element;
using ops::store_element;

constexpr uint32_t row_elements = 128;
using Row = std::array<uint16_t, row_elements * 2>;

template <int words>
void gather(const uint16_t* memory, const uint16_t* places, uint16_t* row, uint32_t count) {
    for (uint32_t n = 0; n < count; ++n) store_element<words>(row + n * words, load_element<words>(memory + places[n]));
}

template <int words>
void scatter(const uint16_t* row, const uint16_t* places, uint16_t* memory, uint32_t count) {
    for (uint32_t n = 0; n < count; ++n) store_element<words>(memory + places[n], load_element<words>(row + n * words));
}

void fill(const Stream& scalar, uint16_t* row, uint32_t count) {
    for (uint32_t n = 0; n < count; ++n) {
        if (scalar.words == 1) store_element<1>(row + n, scalar.scalar);
        else store_element<2>(row + 2 * n, scalar.scalar);
    }
}

// Elements `at` and following of a source: where they are if they lie in a row there, else copied. Rows are readable up to a
// multiple of block_elements.
const uint16_t* read_row(const Memory& memory, const ElementPlaces::Operand& places, const Stream& s, uint32_t at, uint32_t count,
                         Row& copy) {
    if (places.in_row) {
        const uint32_t first = places.first + at * s.words;
        if (first + (count + ops::block_elements - 1) * s.words <= static_cast<uint32_t>(memory.stored())) return memory.data() + first;
        std::copy_n(memory.data() + first, count * s.words, copy.data());
    } else if (places.words.empty()) {
        fill(s, copy.data(), count);
    } else {
        (s.words == 1 ? gather<1> : gather<2>)(memory.data(), places.words.data() + at, copy.data(), count);
    }
    return copy.data();
}

}  // namespace

void run_places(Pe& pe, const VecRun& run, uint32_t count) {
    const Plan& plan = *run.plan;
    const ElementPlaces& places = *plan.places;
    const ElementPlaces::Operand& to = places.operands[0];
    const ops::Block block = ops::block_of(plan.op);
    std::array<Row, 3> copies;
    ops::Rows sources{copies[0].data(), copies[1].data(), copies[2].data()};
    const uint32_t begin = done_of(run), end = begin + count;
    for (uint32_t at = begin, part; at < end; at += part) {
        part = std::min({end - at, row_elements, uint32_t{places.together[at]}});
        for (size_t i = 0; i < plan.sources; ++i)
            sources[i] = read_row(pe.memory, places.operands[i + 1], plan.source[i], at, part, copies[i]);
        if (to.in_row) {
            block(sources, pe.memory.data() + to.first + at * plan.dst.words, part);
        } else {
            Row results;
            block(sources, results.data(), part);
            (plan.dst.words == 1 ? scatter<1> : scatter<2>)(results.data(), to.words.data() + at, pe.memory.data(), part);
        }
    }
}

}  // namespace wafersim::fast
