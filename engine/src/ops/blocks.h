// DSD operations on rows: many elements that lie one after the other, as bit patterns.
//
// In: for each source a row of elements (of 16 bits, or of 32 as two words). Out: the row of the destination, which may be
// the row of a source. All loops of one operation give the same patterns, those of vector.h.
#pragma once

#include <array>
#include <cstdint>

#include "../../include/wafersim/opcodes.h"

namespace wafersim::ops {

using Rows = std::array<const uint16_t*, 3>;
using Block = void (*)(const Rows& sources, uint16_t* dst, uint32_t count);

// Rows of sources are readable up to the next multiple of so many elements.
inline constexpr uint32_t block_elements = 8;

Block portable_block(Vec op);
// The quickest one on this host.
Block block_of(Vec op);

template <int words>
inline uint32_t load_element(const uint16_t* p) {
    if constexpr (words == 1) return *p;
    else return p[0] | static_cast<uint32_t>(p[1]) << 16;
}

template <int words>
inline void store_element(uint16_t* p, uint32_t value) {
    p[0] = static_cast<uint16_t>(value);
    if constexpr (words == 2) p[1] = static_cast<uint16_t>(value >> 16);
}

// Words of an element of a row of vecops.def.
constexpr int source_words(Vec op, int which) {
    std::string_view types = vec_rows[static_cast<size_t>(op)].sources;
    for (; which > 0 && types.find(' ') != types.npos; --which) types.remove_prefix(types.find(' ') + 1);
    return element_words(types.substr(0, types.find(' ')));
}
constexpr int dst_words(Vec op) { return element_words(vec_rows[static_cast<size_t>(op)].dst); }

}  // namespace wafersim::ops
