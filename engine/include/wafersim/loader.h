// From the neutral form of an image to the structures of program.h.
#pragma once

#include "machine.h"
#include "program.h"
#include "value.h"

namespace wafersim {

// Reads and checks `image` (an `ir.program.Image` as a tree); throws ConfigError with the field at fault.
Image load_image(const Value& image, const Machine& machine);

}  // namespace wafersim
