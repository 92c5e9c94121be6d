// Variables in memory: a DSD operation that leaves the variable it starts in is a fault, or a warning where the host allows it
// (hardware goes on, and there are programs that rely on it).
#include <algorithm>
#include <limits>

#include "wafersim/pe.h"

namespace wafersim {

const Variable* variable_at(const Program& program, int64_t address) {
    const auto& all = program.variables;
    auto after = std::upper_bound(all.begin(), all.end(), address,
                                  [](int64_t wanted, const Variable& v) { return wanted < v.first; });
    if (after == all.begin()) return nullptr;
    const Variable& found = *std::prev(after);
    return address < found.end ? &found : nullptr;
}

namespace {

constexpr uint32_t unbounded = std::numeric_limits<uint32_t>::max();

bool inside(const Variable& v, int64_t address, int words) { return address >= v.first && address + words <= v.end; }

// mem4d: mostly the whole block lies inside; else its elements are counted until one does not.
uint32_t shaped_inside(const Stream& s, const Variable& v) {
    int64_t low = s.address, high = s.address;
    for (size_t d = 0; d < s.shape->extents.size(); ++d) {
        const int64_t reach = int64_t{s.shape->extents[d] - 1} * s.shape->strides[d] * s.words;
        (reach < 0 ? low : high) += reach;
    }
    if (low >= v.first && high + s.words <= v.end) return unbounded;
    Stream walk = s;
    for (uint32_t n = 0; n < s.length; ++n, advance(walk))
        if (!inside(v, element_address(walk), s.words)) return n;
    return unbounded;
}

// Elements that a stream can give or take before it leaves its variable. Addresses that belong to no variable (the
// stack) and those that wavelets move have no bound.
uint32_t elements_inside(const Program& program, const Stream& s) {
    if ((s.kind != StreamKind::memory && s.kind != StreamKind::shaped) || s.index_offset) return unbounded;
    const int64_t first = element_address(s);
    const Variable* v = variable_at(program, first);
    if (!v) return unbounded;
    if (s.kind == StreamKind::shaped) return shaped_inside(s, *v);
    if (!inside(*v, first, s.words)) return 0;
    if (s.step == 0) return unbounded;
    const int64_t room = s.step > 0 ? v->end - s.words - first : first - v->first;
    return static_cast<uint32_t>(room / std::abs(s.step) + 1);
}

}  // namespace

void find_bounds(const Program& program, VecRun& run) {
    run.bound = elements_inside(program, run.dst);
    run.bounded = none;
    for (int i = 0; i < run.sources; ++i) {
        const Stream& s = run.source[static_cast<size_t>(i)];
        const uint32_t elements = elements_inside(program, s);
        if (elements >= run.bound) continue;
        run.bound = elements;
        run.bounded = static_cast<int8_t>(i);
    }
    const Stream& s = run.bounded == none ? run.dst : run.source[static_cast<size_t>(run.bounded)];
    run.variable = run.bound == unbounded ? nullptr : variable_at(program, element_address(s));
}

void leave_variable(Pe& pe, VecRun& run) {
    const std::string which = run.bounded == none ? "the destination" : "source " + std::to_string(run.bounded + 1);
    const std::string length = run.infinite ? "no end" : std::to_string(run.done + run.remaining) + " elements";
    const std::string message = which + " runs out of '" + run.variable->name + "' after " +
                                std::to_string(run.bound) + " elements, the operation has " + length;
    if (pe.env->strict) throw Fault(message);
    run.bound = unbounded;
    const FaultReport report = pe.report(message);
    const auto same = [&](const FaultReport& other) { return same_place(other, report); };
    auto& known = pe.env->warnings;
    const auto before = std::find_if(known.begin(), known.end(), same);
    if (before == known.end()) known.push_back(report);
    else if (earlier(report, *before)) *before = report;
}

}  // namespace wafersim
