// The meaning of one element of each DSD operation: one function per row of vecops.def.
//
// In: the elements of the sources as bit patterns, 16-bit ones in the low half. Out: the element of the
// destination, likewise. Nothing here counts cycles or touches memory.
#pragma once

#include <bit>
#include <cstdint>

#include "float.h"

namespace wafersim::ops {

// ---- moves ------------------------------------------------------------------------------------------
inline uint32_t vec_mov16(uint32_t a) { return a & 0xffff; }
inline uint32_t vec_mov32(uint32_t a) { return a; }
inline uint32_t vec_fmovh(uint32_t a) { return a & 0xffff; }
inline uint32_t vec_fmovs(uint32_t a) { return a; }

// ---- integers: wrap at their width --------------------------------------------------------------------
inline uint32_t vec_add16(uint32_t a, uint32_t b) { return (a + b) & 0xffff; }
inline uint32_t vec_sub16(uint32_t a, uint32_t b) { return (a - b) & 0xffff; }
inline uint32_t vec_mul16(uint32_t a, uint32_t b) { return (a * b) & 0xffff; }
inline uint32_t vec_add32(uint32_t a, uint32_t b) { return a + b; }
inline uint32_t vec_sub32(uint32_t a, uint32_t b) { return a - b; }
inline uint32_t vec_and16(uint32_t a, uint32_t b) { return a & b & 0xffff; }
inline uint32_t vec_or16(uint32_t a, uint32_t b) { return (a | b) & 0xffff; }
inline uint32_t vec_xor16(uint32_t a, uint32_t b) { return (a ^ b) & 0xffff; }

// The shift distance is the whole 16-bit operand: 16 and more shift everything out.
inline uint32_t vec_sll16(uint32_t a, uint32_t b) {
    const uint32_t distance = b & 0xffff;
    return distance < 16 ? a << distance & 0xffff : 0;
}
inline uint32_t vec_slr16(uint32_t a, uint32_t b) {
    const uint32_t distance = b & 0xffff;
    return distance < 16 ? (a & 0xffff) >> distance : 0;
}
inline uint32_t vec_sar16(uint32_t a, uint32_t b) {
    const uint32_t distance = b & 0xffff;
    return static_cast<uint32_t>(static_cast<int16_t>(a) >> (distance < 16 ? distance : 15)) & 0xffff;
}

inline uint32_t vec_popcnt(uint32_t a) { return static_cast<uint32_t>(std::popcount(static_cast<uint16_t>(a))); }
inline uint32_t vec_clz(uint32_t a) { return static_cast<uint32_t>(std::countl_zero(static_cast<uint16_t>(a))); }
inline uint32_t vec_ctz(uint32_t a) { return static_cast<uint32_t>(std::countr_zero(static_cast<uint16_t>(a))); }

// ---- f16: exact (or near enough, see to_f16) in double, rounded once ------------------------------------
inline uint32_t vec_faddh(uint32_t a, uint32_t b) { return to_f16(double{from_f16(a)} + double{from_f16(b)}); }
inline uint32_t vec_fsubh(uint32_t a, uint32_t b) { return to_f16(double{from_f16(a)} - double{from_f16(b)}); }
inline uint32_t vec_fmulh(uint32_t a, uint32_t b) { return to_f16(double{from_f16(a)} * double{from_f16(b)}); }
inline uint32_t vec_fmach(uint32_t a, uint32_t b, uint32_t c) { return fma_f16(a, b, c); }
inline uint32_t vec_fnegh(uint32_t a) { return (a ^ 0x8000) & 0xffff; }
inline uint32_t vec_fabsh(uint32_t a) { return a & 0x7fff; }
inline uint32_t vec_fmaxh(uint32_t a, uint32_t b) { return to_f16(larger(from_f16(a), from_f16(b))); }

// The product with a power of two is exact in double for every distance that can matter.
inline uint32_t vec_fscaleh(uint32_t a, uint32_t b) {
    return to_f16(std::ldexp(double{from_f16(a)}, static_cast<int16_t>(b)));
}

// Significand with the sign of a, in [1, 2); zero, infinity and NaN stay.
template <class Float>
inline Float significand(Float a) {
    if (a == 0 || !std::isfinite(a)) return a;
    int exponent;
    return 2 * std::frexp(a, &exponent);
}
inline uint32_t vec_fnormh(uint32_t a) { return to_f16(significand(from_f16(a))); }

// ---- f32 ------------------------------------------------------------------------------------------------
inline uint32_t vec_fadds(uint32_t a, uint32_t b) { return to_f32(from_f32(a) + from_f32(b)); }
inline uint32_t vec_fsubs(uint32_t a, uint32_t b) { return to_f32(from_f32(a) - from_f32(b)); }
inline uint32_t vec_fmuls(uint32_t a, uint32_t b) { return to_f32(from_f32(a) * from_f32(b)); }
inline uint32_t vec_fmacs(uint32_t a, uint32_t b, uint32_t c) {
    return to_f32(std::fma(from_f32(b), from_f32(c), from_f32(a)));
}
inline uint32_t vec_fnegs(uint32_t a) { return a ^ 0x8000'0000; }
inline uint32_t vec_fabss(uint32_t a) { return a & 0x7fff'ffff; }
inline uint32_t vec_fmaxs(uint32_t a, uint32_t b) { return to_f32(larger(from_f32(a), from_f32(b))); }

// In double first: 24 bits times 2^+-32768 would round twice in float's subnormal range, here once; what
// double rounds or loses lies far outside of float.
inline uint32_t vec_fscales(uint32_t a, uint32_t b) {
    return to_f32(static_cast<float>(std::ldexp(double{from_f32(a)}, static_cast<int16_t>(b))));
}
inline uint32_t vec_fnorms(uint32_t a) { return to_f32(significand(from_f32(a))); }

// ---- mixed: the product of two f16 is exact in float -----------------------------------------------------
inline uint32_t vec_faddhs(uint32_t a, uint32_t b) { return to_f32(from_f32(a) + from_f16(b)); }
inline uint32_t vec_fmachs(uint32_t a, uint32_t b, uint32_t c) {
    return to_f32(from_f32(a) + from_f16(b) * from_f16(c));
}

// ---- conversions ------------------------------------------------------------------------------------------
inline uint32_t vec_fh2s(uint32_t a) { return to_f32(from_f16(a)); }
inline uint32_t vec_fs2h(uint32_t a) { return to_f16(from_f32(a)); }
inline uint32_t vec_fh2xp16(uint32_t a) { return static_cast<uint16_t>(truncate<int16_t>(from_f16(a))); }
inline uint32_t vec_fs2xp16(uint32_t a) { return static_cast<uint16_t>(truncate<int16_t>(from_f32(a))); }
inline uint32_t vec_xp162fh(uint32_t a) { return to_f16(static_cast<int16_t>(a)); }
inline uint32_t vec_xp162fs(uint32_t a) { return to_f32(static_cast<int16_t>(a)); }

}  // namespace wafersim::ops
