// Bit patterns to numbers and back: IEEE binary16 (f16) and binary32 (f32).
//
// In: a pattern or an exact number. Out: a pattern, rounded to nearest even once.
// Rules of the machine that IEEE leaves open: every operation that computes gives one canonical NaN
// (moves, negation and absolute value keep the pattern); subnormals are kept.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#if defined(__FAST_MATH__)
#error "wafersim needs IEEE arithmetic: build without -ffast-math"
#endif

namespace wafersim::ops {

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);

inline constexpr uint32_t nan_f16 = 0x7e00;
inline constexpr uint32_t nan_f32 = 0x7fc0'0000;

inline float from_f32(uint32_t pattern) { return std::bit_cast<float>(pattern); }

inline uint32_t to_f32(float value) {
    return std::isnan(value) ? nan_f32 : std::bit_cast<uint32_t>(value);
}

// Every f16 is a float: shift the fields into place, correct the exponent's bias by a product.
inline float from_f16(uint32_t pattern) {
    const uint32_t magnitude = (pattern & 0x7fff) << 13;
    const uint32_t sign = (pattern & 0x8000) << 16;
    if ((pattern & 0x7c00) == 0x7c00) return std::bit_cast<float>(sign | 0x7f80'0000 | magnitude);
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f));
}

// `value` must be exact, or so close to the exact result that both round to the same f16.
inline uint32_t to_f16(double value) {
    if (std::isnan(value)) return nan_f16;
    const auto all = std::bit_cast<uint64_t>(value);
    const auto sign = static_cast<uint32_t>(all >> 48) & 0x8000;
    const double magnitude = std::fabs(value);
    if (magnitude >= 65520.0) return sign | 0x7c00;
    if (magnitude < 0x1p-14) {
        // The last bit of a double near 2^28 is worth 2^-24, the step of f16 subnormals.
        return sign | (static_cast<uint32_t>(std::bit_cast<uint64_t>(magnitude + 0x1p28)) & 0x7ff);
    }
    uint64_t pattern = std::bit_cast<uint64_t>(magnitude);
    pattern += (uint64_t{1} << 41) - 1 + (pattern >> 42 & 1);
    return sign | static_cast<uint32_t>((pattern >> 42) - ((1023 - 15) << 10));
}

// b * c is exact in double (22 bits). The sum is exact too unless b * c is smaller than a by more than
// 2^30; then exact and computed sum both lie within 2^-29 of a, relatively, and round to a.
// (a is an f16, so the next border between two f16 is at least 2^-12 away; a b * c so large that a falls
// off the end of a double is beyond the largest f16, and the result is infinite either way.)
inline uint32_t fma_f16(uint32_t a, uint32_t b, uint32_t c) {
    return to_f16(double{from_f16(a)} + double{from_f16(b)} * double{from_f16(c)});
}

// Larger operand; the other one if one is NaN; +0 is larger than -0.
template <class Float>
inline Float larger(Float a, Float b) {
    if (std::isnan(a)) return b;
    if (std::isnan(b)) return a;
    if (a == b) return std::signbit(a) ? b : a;
    return a > b ? a : b;
}

// Truncates, saturates at the ends of Integer, NaN gives 0.
template <class Integer>
inline Integer truncate(float value) {
    using Limits = std::numeric_limits<Integer>;
    if (std::isnan(value)) return 0;
    const float whole = std::trunc(value);
    if (whole <= static_cast<float>(Limits::min())) return Limits::min();
    if (whole >= std::ldexp(1.0f, Limits::digits)) return Limits::max();
    return static_cast<Integer>(whole);
}

}  // namespace wafersim::ops
