// The Python surface of the simulator core: module wafersim._engine.
#include <nanobind/nanobind.h>

#include "mesh.h"
#include "ops_test.h"

namespace nb = nanobind;

NB_MODULE(_engine, m) {
  m.doc() = "Simulator core of wafersim.";
  m.attr("version") = WAFERSIM_VERSION;
  m.attr("build_type") = WAFERSIM_BUILD_TYPE;
  wafersim::register_mesh(m);
  register_ops_test(m);
}
