// The enumerations that engine and compiler share: types, scalar operations, vector operations.
//
// `Op` and `Vec` are generated from the operation tables, so their numbers are the row numbers that
// `wafersim.ir.ops` reads from the same files. Enumerators of `Op` end in an underscore (`Op::and_`).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wafersim {

// Same numbers as `Ty` in src/wafersim/ir/ops.py.
enum class Ty : uint8_t { void_, bool_, i8, u8, i16, u16, i32, u32, i64, u64, f16, f32, dsd };

// Size in memory, in 16-bit words.
constexpr int words_of(Ty ty) {
    switch (ty) {
    case Ty::void_: return 0;
    case Ty::i32: case Ty::u32: case Ty::f32: return 2;
    case Ty::i64: case Ty::u64: case Ty::dsd: return 4;
    default: return 1;
    }
}

enum class Op : uint8_t {
#define OP(name, fields, cost, meaning) name##_,
#include "../../ops.def"
#undef OP
    count
};

enum class Vec : uint8_t {
#define VEC(name, dst, sources, cost, meaning) name,
#include "../../vecops.def"
#undef VEC
    count
};

inline constexpr size_t op_count = static_cast<size_t>(Op::count);
inline constexpr size_t vec_count = static_cast<size_t>(Vec::count);

// One row of a table as text, for messages, traces and for the rows of the machine table.
struct OpRow {
    std::string_view name;
    std::string_view fields;
    std::string_view cost;
};

inline constexpr std::array<OpRow, op_count> op_rows{{
#define OP(name, fields, cost, meaning) {#name, #fields, #cost},
#include "../../ops.def"
#undef OP
}};

struct VecRow {
    std::string_view name;
    std::string_view dst;
    std::string_view sources;
    std::string_view cost;
};

inline constexpr std::array<VecRow, vec_count> vec_rows{{
#define VEC(name, dst, sources, cost, meaning) {#name, #dst, #sources, #cost},
#include "../../vecops.def"
#undef VEC
}};

// Number of words of a space-separated list.
constexpr int count_words(std::string_view text) {
    int words = 0;
    bool inside = false;
    for (char c : text) {
        if (c != ' ' && !inside) ++words;
        inside = c != ' ';
    }
    return words;
}

constexpr int vec_source_count(Vec op) { return count_words(vec_rows[static_cast<size_t>(op)].sources); }

// Words in memory of an element type of vecops.def (`x32`, `f16`, ...).
constexpr int element_words(std::string_view type) { return type.ends_with("32") ? 2 : 1; }

}  // namespace wafersim
