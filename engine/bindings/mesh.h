// Registers the class `Mesh`.
#pragma once

#include <nanobind/nanobind.h>

namespace wafersim {

void register_mesh(nanobind::module_& m);

}  // namespace wafersim
