// When to visit which PE and its router again.
//
// By PE: the first cycle at which something may happen there. An entry is due in that cycle or later; who visits it makes
// a new one. Entries that only try again what could not go on are told from those with a time of their own: where
// nothing moves for a cycle, only the latter decide how the run goes on.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "wafersim/pe.h"

namespace wafersim::fast {

class Agenda {
public:
    explicit Agenda(size_t size) : due_(size, nothing) {}

    void at(uint32_t i, uint64_t cycle) { add(i, event_at(cycle)); }
    void retry_at(uint32_t i, uint64_t cycle) { add(i, retry_in(cycle)); }
    void clear(uint32_t i) { due_[i] = nothing; }

    // Entries as they are kept, for who has several of which the first counts.
    static int64_t event_at(uint64_t cycle) { return cycle == never ? nothing : static_cast<int64_t>(2 * cycle); }
    static int64_t retry_in(uint64_t cycle) { return static_cast<int64_t>(2 * cycle + 1); }
    void add(uint32_t i, int64_t entry) { due_[i] = std::min(due_[i], entry); }

    // The cycle of an entry with a time of its own, or never; whether it only tries again.
    uint64_t event(uint32_t i) const { return due_[i] == nothing || due_[i] % 2 ? never : static_cast<uint64_t>(due_[i] / 2); }
    bool retries(uint32_t i) const { return due_[i] != nothing && due_[i] % 2; }

    // Writes the members of [from, to) that are due to `members`, in order, and returns where they end; `event` is set where
    // one of them has a time of its own.
    uint32_t* find_due(uint32_t from, uint32_t to, uint64_t cycle, uint32_t* members, bool& event) const {
        const auto bound = static_cast<int64_t>(2 * cycle + 2);
        int64_t all = 1;  // of the lowest bits
        for (; from < to; from += stride) {
            const uint32_t count = std::min(to - from, stride);
            for (uint32_t due = count == stride ? below<stride>(from, bound) : below(from, count, bound); due; due &= due - 1) {
                const uint32_t i = from + static_cast<uint32_t>(std::countr_zero(due));
                all &= due_[i];
                *members++ = i;
            }
        }
        if (!all) event = true;
        return members;
    }

private:
    static constexpr int64_t nothing = std::numeric_limits<int64_t>::max();
    static constexpr uint32_t stride = 16;

    // As bits: which entries are below the bound, by the sign of the difference.
    uint32_t below(uint32_t from, uint32_t count, int64_t bound) const {
        uint32_t set = 0;
        for (uint32_t k = 0; k < count; ++k) set |= uint32_t{due_[from + k] < bound} << k;
        return set;
    }
    template <uint32_t count>
    uint32_t below(uint32_t from, int64_t bound) const {
#if defined(__SSE2__)
        const int64_t* const entries = due_.data() + from;
        const __m128i bounds = _mm_set1_epi64x(bound);
        uint32_t set = 0;
#pragma GCC unroll 8
        for (uint32_t k = 0; k < count; k += 2) {
            const __m128i pair = _mm_loadu_si128(reinterpret_cast<const __m128i*>(entries + k));
            set |= static_cast<uint32_t>(_mm_movemask_pd(_mm_castsi128_pd(_mm_sub_epi64(pair, bounds)))) << k;
        }
        return set;
#else
        return below(from, count, bound);
#endif
    }

    std::vector<int64_t> due_;  // twice the cycle; odd: to try again
};

}  // namespace wafersim::fast
