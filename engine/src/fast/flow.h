// Usual DSD operations move whole wavelets and plain memory. Whether those can go on is a look at one or two queues, and
// their elements go through in a straight loop; all others take the functions of `Pe`.
#pragma once

#include "wafersim/pe.h"

namespace wafersim::fast {

// Once for each operation, when it has started.
void classify(const Pe& pe, VecRun& run);

// The cycle of its next element, and whether that has come.
inline uint64_t due(const VecRun& run) { return static_cast<uint64_t>(run.next_tick) / ticks_per_cycle; }

inline bool is_due(const VecRun& run, uint64_t cycle) {
    return run.next_tick < static_cast<int64_t>(cycle + 1) * ticks_per_cycle;
}

// Of a usual operation: the inputs are there and the output has room.
[[gnu::always_inline]] inline bool flows(const Pe& pe, const VecRun& run) {
    if (run.input != none) {
        const WaveletQueue& queue = pe.channels[static_cast<size_t>(run.input)].wavelets;
        if (!queue.has_ready(pe.env->now) || queue.front().control) return false;
    }
    return run.output == none || !pe.outputs[static_cast<size_t>(run.output)].wavelets.full();
}

inline bool may_advance(const Pe& pe, const VecRun& run) {
    if (run.flow <= Flow::general) return pe.may_advance(run);
    return is_due(run, pe.env->now) && flows(pe, run);
}

// As Pe::advance_run, for the operation of a thread that may advance.
void advance_run(Pe& pe, int thread, VecRun& run);

}  // namespace wafersim::fast
