// Many elements of a DSD operation at once, where nothing but memory is involved.
#pragma once

#include "wafersim/pe.h"

namespace wafersim::fast {

// Nothing outside of the PE's memory takes part in the operation and no access can fault, so that what it does and how
// long it takes is known in advance.
bool predictable(const Pe& pe, const VecRun& run);

// The same for the next step of an @map.
bool predictable(const Pe& pe, const MapRun& run);

// The next `count` elements of a predictable operation.
void advance_elements(Pe& pe, VecRun& run, uint32_t count);

}  // namespace wafersim::fast
