// What can go wrong, and how it is told.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>

namespace wafersim {

// A program image or a machine table that cannot be used. Names the field or row at fault.
struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Something a PE did that the machine does not allow. Thrown where it is noticed; the mesh turns it into a
// `FaultReport`, which ends the run.
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct FaultReport {
    int x = 0, y = 0;
    uint64_t cycle = 0;
    std::string message;
    std::string task;      // name of the task or launched function, empty for a router
    std::string function;  // innermost function on the call stack
    std::string file;
    int line = 0, column = 0;
};

// What PEs report is told in the order of cycles and, within one, of PEs.
template <class Report>
bool earlier(const Report& a, const Report& b) {
    return std::tie(a.cycle, a.y, a.x) < std::tie(b.cycle, b.y, b.x);
}

inline bool same_place(const FaultReport& a, const FaultReport& b) {
    return a.file == b.file && a.line == b.line && a.column == b.column;
}

}  // namespace wafersim
