// Operations on memory of which the program knows where each element lies (ElementPlaces).
#pragma once

#include "wafersim/pe.h"

namespace wafersim::fast {

// The next `count` elements in memory; the run is not moved on.
void run_places(Pe& pe, const VecRun& run, uint32_t count);

}  // namespace wafersim::fast
