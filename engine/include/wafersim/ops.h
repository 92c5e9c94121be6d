// The arithmetic of a PE: what operations compute, on bit patterns.
//
// `vec_table[op]` computes one element of a DSD operation; `scalar_binary`, `scalar_unary`, `compare` and
// `convert` (src/ops/scalar.h) the scalar operations. Loops that want the compiler to inline call the
// functions of src/ops/vector.h by name.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "../../src/ops/scalar.h"
#include "../../src/ops/vector.h"
#include "opcodes.h"

namespace wafersim::ops {

// Every operation as a function of three sources; what it does not read is ignored.
using VecFunction = uint32_t (*)(uint32_t, uint32_t, uint32_t);

template <auto F>
inline uint32_t with_three_sources(uint32_t a, uint32_t b, uint32_t c) {
    using Type = decltype(F);
    if constexpr (std::is_invocable_v<Type, uint32_t>) return F(a);
    else if constexpr (std::is_invocable_v<Type, uint32_t, uint32_t>) return F(a, b);
    else return F(a, b, c);
}

template <auto F>
constexpr int arity() {
    using Type = decltype(F);
    return std::is_invocable_v<Type, uint32_t> ? 1 : std::is_invocable_v<Type, uint32_t, uint32_t> ? 2 : 3;
}

// A row without its function does not compile, nor one whose function takes other sources.
#define VEC(name, dst, sources, cost, meaning) \
    static_assert(arity<vec_##name>() == count_words(#sources), "sources of " #name);
#include "../../vecops.def"
#undef VEC

inline constexpr std::array<VecFunction, vec_count> vec_table{{
#define VEC(name, dst, sources, cost, meaning) with_three_sources<vec_##name>,
#include "../../vecops.def"
#undef VEC
}};

inline uint32_t vec_element(Vec op, uint32_t a, uint32_t b = 0, uint32_t c = 0) {
    return vec_table[static_cast<size_t>(op)](a, b, c);
}

}  // namespace wafersim::ops
