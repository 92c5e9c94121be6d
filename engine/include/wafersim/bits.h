// Sets of small numbers as bits of a word.
#pragma once

#include <bit>
#include <cstdint>

namespace wafersim {

// Calls f with each number in the set, lowest first.
template <class F>
inline void each_bit(uint64_t set, F f) {
    for (; set; set &= set - 1) f(std::countr_zero(set));
}

// The same, beginning after `last`.
template <class F>
inline void each_bit_after(uint64_t set, int last, F f) {
    const uint64_t up_to_last = last >= 63 ? ~uint64_t{0} : (uint64_t{2} << last) - 1;
    each_bit(set & ~up_to_last, f);
    each_bit(set & up_to_last, f);
}

}  // namespace wafersim
