// One cycle of a PE in the fast engine: what `Pe::step` and `Pe::next_wake` do, quicker for the usual operations.
#pragma once

#include "wafersim/pe.h"

namespace wafersim::fast {

// Who had the issue slot: a thread, and the operation that it ran; without one it was the code of the main thread.
struct Turn {
    int thread = none;
    VecRun* run = nullptr;
};

Turn step(Pe& pe);  // of no thread: nothing could go on
uint64_t next_wake(const Pe& pe, const Turn& last);

}  // namespace wafersim::fast
