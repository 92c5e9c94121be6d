// One cycle of a PE in the fast engine: what `Pe::step` and `Pe::next_wake` do, quicker for the usual operations.
#pragma once

#include "wafersim/pe.h"

namespace wafersim::fast {

bool step(Pe& pe);
uint64_t next_wake(const Pe& pe);

}  // namespace wafersim::fast
