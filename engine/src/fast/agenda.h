// When to visit which PE and its router again.
//
// By PE: the first cycle at which something may happen there. An entry is due in that cycle or later; who visits it makes
// a new one. Entries that only try again what could not go on are told from those with a time of their own: where
// nothing moves for a cycle, only the latter decide how the run goes on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "wafersim/pe.h"

namespace wafersim::fast {

class Agenda {
public:
    explicit Agenda(size_t size) : due_(size, nothing) {}

    void at(uint32_t i, uint64_t cycle) {
        if (cycle != never) due_[i] = std::min(due_[i], static_cast<int64_t>(2 * cycle));
    }
    void retry_at(uint32_t i, uint64_t cycle) { due_[i] = std::min(due_[i], static_cast<int64_t>(2 * cycle + 1)); }
    void clear(uint32_t i) { due_[i] = nothing; }

    // The cycle of an entry with a time of its own, or never; whether it only tries again.
    uint64_t event(uint32_t i) const { return due_[i] == nothing || due_[i] % 2 ? never : static_cast<uint64_t>(due_[i] / 2); }
    bool retries(uint32_t i) const { return due_[i] != nothing && due_[i] % 2; }

    // Calls f for the members of [from, to) that are due, in order.
    template <class F>
    void each_due(uint32_t from, uint32_t to, uint64_t cycle, F f) const {
        const auto bound = static_cast<int64_t>(2 * cycle + 2);
        while (from < to) {
            const uint32_t end = std::min(to, from + stride);
            if (any_below(from, end, bound)) {
                for (uint32_t i = from; i < end; ++i)
                    if (due_[i] < bound) f(i);
            }
            from = end;
        }
    }

private:
    static constexpr int64_t nothing = std::numeric_limits<int64_t>::max();
    static constexpr uint32_t stride = 16;

    // The signs of differences: a loop that compilers turn into vectors.
    bool any_below(uint32_t from, uint32_t end, int64_t bound) const {
        int64_t signs = 0;
        if (end - from == stride) {
            for (uint32_t k = 0; k < stride; ++k) signs |= due_[from + k] - bound;
        } else {
            for (uint32_t i = from; i < end; ++i) signs |= due_[i] - bound;
        }
        return signs < 0;
    }

    std::vector<int64_t> due_;  // twice the cycle; odd: to try again
};

}  // namespace wafersim::fast
