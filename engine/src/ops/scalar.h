// The meaning of the scalar operations on registers: arithmetic, comparison, conversion.
//
// A register holds 64 bits: integers sign- or zero-extended by their type, bool 0 or 1, floats by their
// pattern. Every function takes and gives registers in that form.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "../../include/wafersim/opcodes.h"
#include "float.h"

namespace wafersim::ops {

// Thrown by integer `div` and `rem`; whoever runs the instruction adds PE, task and source line.
struct DivisionByZero : std::domain_error {
    DivisionByZero() : std::domain_error("division by zero") {}
};

template <class T>
inline uint64_t extend(T value) {
    if constexpr (std::is_signed_v<T>) return static_cast<uint64_t>(int64_t{value});
    else return value;
}

// Calls f with a value of the C++ type that stands for integer type ty (bool as u8).
template <class F>
inline decltype(auto) with_integer(Ty ty, F f) {
    switch (ty) {
    case Ty::i8: return f(int8_t{});
    case Ty::i16: return f(int16_t{});
    case Ty::u16: return f(uint16_t{});
    case Ty::i32: return f(int32_t{});
    case Ty::u32: return f(uint32_t{});
    case Ty::i64: return f(int64_t{});
    case Ty::u64: case Ty::dsd: return f(uint64_t{});
    default: return f(uint8_t{});
    }
}

// Cuts a pattern to type ty and extends it again, as a load from memory does.
inline uint64_t normalise(Ty ty, uint64_t pattern) {
    if (ty == Ty::f16) return pattern & 0xffff;
    if (ty == Ty::f32) return pattern & 0xffff'ffff;
    if (ty == Ty::bool_) return pattern & 1;
    return with_integer(ty, [&](auto t) { return extend(static_cast<decltype(t)>(pattern)); });
}

template <class T>
inline T divide(T a, T b) {
    if (b == 0) throw DivisionByZero();
    if constexpr (std::is_signed_v<T>) {
        if (b == -1) return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(a));
    }
    return static_cast<T>(a / b);
}

template <class T>
inline T remainder(T a, T b) {
    if (b == 0) throw DivisionByZero();
    if constexpr (std::is_signed_v<T>) {
        if (b == -1) return 0;
    }
    return static_cast<T>(a % b);
}

template <class T>
inline uint64_t integer_binary(Op op, uint64_t a, uint64_t b) {
    constexpr uint64_t width = 8 * sizeof(T);
    const T left = static_cast<T>(a), right = static_cast<T>(b);
    switch (op) {
    case Op::add_: return extend(static_cast<T>(a + b));
    case Op::sub_: return extend(static_cast<T>(a - b));
    case Op::mul_: return extend(static_cast<T>(a * b));
    case Op::div_: return extend(divide(left, right));
    case Op::rem_: return extend(remainder(left, right));
    case Op::and_: return extend(static_cast<T>(a & b));
    case Op::or_: return extend(static_cast<T>(a | b));
    case Op::xor_: return extend(static_cast<T>(a ^ b));
    case Op::shl_: return b < width ? extend(static_cast<T>(a << b)) : 0;
    case Op::shr_: return b < width ? extend(static_cast<T>(left >> b)) : extend(static_cast<T>(left < 0 ? -1 : 0));
    default: throw std::logic_error("not an integer operation");
    }
}

// f16 results are computed in double: sums, products and quotients of two f16 are exact there or far
// enough from the border between two f16 that rounding again cannot change them. f32 is IEEE single.
template <class Float>
inline Float float_binary(Op op, Float a, Float b) {
    switch (op) {
    case Op::add_: return a + b;
    case Op::sub_: return a - b;
    case Op::mul_: return a * b;
    case Op::div_: return a / b;
    case Op::rem_: return std::fmod(a, b);
    default: throw std::logic_error("not a floating-point operation");
    }
}

inline uint64_t scalar_binary(Op op, Ty ty, uint64_t a, uint64_t b) {
    if (ty == Ty::f32) {
        return to_f32(float_binary(op, from_f32(static_cast<uint32_t>(a)), from_f32(static_cast<uint32_t>(b))));
    }
    if (ty == Ty::f16) {
        return to_f16(float_binary(op, double{from_f16(static_cast<uint32_t>(a))},
                                   double{from_f16(static_cast<uint32_t>(b))}));
    }
    return with_integer(ty, [&](auto t) { return integer_binary<decltype(t)>(op, a, b); });
}

inline uint64_t scalar_unary(Op op, Ty ty, uint64_t a) {
    switch (op) {
    case Op::mov_: return a;
    case Op::neg_:
        if (ty == Ty::f32) return a ^ 0x8000'0000;
        if (ty == Ty::f16) return a ^ 0x8000;
        return normalise(ty, uint64_t{0} - a);
    case Op::not_: return ty == Ty::bool_ ? a ^ 1 : normalise(ty, ~a);
    default: throw std::logic_error("not a unary operation");
    }
}

template <class T>
inline bool compare_values(Op op, T a, T b) {
    switch (op) {
    case Op::eq_: return a == b;
    case Op::ne_: return a != b;
    case Op::lt_: return a < b;
    case Op::le_: return a <= b;
    default: throw std::logic_error("not a comparison");
    }
}

// Comparisons with NaN are false, but for `ne`.
inline bool compare(Op op, Ty ty, uint64_t a, uint64_t b) {
    if (ty == Ty::f32) {
        return compare_values(op, from_f32(static_cast<uint32_t>(a)), from_f32(static_cast<uint32_t>(b)));
    }
    if (ty == Ty::f16) {
        return compare_values(op, from_f16(static_cast<uint32_t>(a)), from_f16(static_cast<uint32_t>(b)));
    }
    return with_integer(ty, [&](auto t) {
        return compare_values(op, static_cast<decltype(t)>(a), static_cast<decltype(t)>(b));
    });
}

inline uint64_t float_to(Ty to, float value) {
    if (to == Ty::f32) return to_f32(value);
    if (to == Ty::f16) return to_f16(value);
    if (to == Ty::bool_) return value != 0;
    return with_integer(to, [&](auto t) { return extend(truncate<decltype(t)>(value)); });
}

// 64-bit integers that double cannot hold are infinite in f16, so f16 is still rounded once.
template <class T>
inline uint64_t integer_to(Ty to, T value) {
    if (to == Ty::f32) return to_f32(static_cast<float>(value));
    if (to == Ty::f16) return to_f16(static_cast<double>(value));
    if (to == Ty::bool_) return value != 0;
    return normalise(to, extend(value));
}

inline uint64_t convert(Ty to, Ty from, uint64_t a) {
    if (from == Ty::f32) return float_to(to, from_f32(static_cast<uint32_t>(a)));
    if (from == Ty::f16) return float_to(to, from_f16(static_cast<uint32_t>(a)));
    return with_integer(from, [&](auto t) { return integer_to(to, static_cast<decltype(t)>(a)); });
}

}  // namespace wafersim::ops
