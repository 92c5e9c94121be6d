// Loops over rows: for every operation one of the functions of vector.h, for floating point eight elements at a time where
// the host has the instructions for it. Which one that is, is found out when the program runs.
#include "blocks.h"

#include "host_float.h"
#include "vector.h"

namespace wafersim::ops {

namespace {

template <Vec op, auto function>
void each_element(const Rows& sources, uint16_t* dst, uint32_t count) {
    constexpr int arity = vec_source_count(op), out = dst_words(op);
    constexpr int w0 = source_words(op, 0), w1 = source_words(op, 1), w2 = source_words(op, 2);
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t a = load_element<w0>(sources[0] + i * w0);
        uint32_t result;
        if constexpr (arity == 1) result = function(a);
        else if constexpr (arity == 2) result = function(a, load_element<w1>(sources[1] + i * w1));
        else result = function(a, load_element<w1>(sources[1] + i * w1), load_element<w2>(sources[2] + i * w2));
        store_element<out>(dst + i * out, result);
    }
}

constexpr std::array<Block, vec_count> portable{{
#define VEC(name, dst, sources, cost, meaning) each_element<Vec::name, vec_##name>,
#include "vecops.def"
#undef VEC
}};

std::array<Block, vec_count> quickest() {
    std::array<Block, vec_count> blocks = portable;
    for (const HostBlock& own : host_blocks()) blocks[static_cast<size_t>(own.op)] = own.block;
    return blocks;
}

}  // namespace

Block portable_block(Vec op) { return portable[static_cast<size_t>(op)]; }

Block block_of(Vec op) {
    static const std::array<Block, vec_count> blocks = quickest();
    return blocks[static_cast<size_t>(op)];
}

}  // namespace wafersim::ops
