// An observer that writes a text trace: one event a line.
#pragma once

#include <memory>
#include <string>

#include "wafersim/observer.h"

namespace wafersim {

// `what` lists event kinds, comma-separated: wavelets, tasks, operations; empty for all.
std::unique_ptr<Observer> trace_to_file(const std::string& path, const std::string& what);

}  // namespace wafersim
