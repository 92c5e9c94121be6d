// Registers the functions of ops_test.cpp.
#pragma once

#include <nanobind/nanobind.h>

void register_ops_test(nanobind::module_& m);
