// A PE on its own: the main thread runs ahead of the mesh while nothing else can notice.
#pragma once

#include "wafersim/pe.h"

namespace wafersim::fast {

// Nothing but the main thread is at work in the PE, with code or an operation on memory.
bool may_run_ahead(const Pe& pe);

// Lets the main thread work on, up to the first operation that reaches outside of the PE, may fault, or ends its task,
// and never into cycle `horizon`. `Pe::main_ready` is where it stopped; the cycle there has not begun. Wants may_run_ahead.
void run_ahead(Pe& pe, uint64_t horizon);

}  // namespace wafersim::fast
