// Variables in memory: a DSD operation that leaves the variable it starts in is a fault, or a warning where the host allows it
// (hardware goes on, and there are programs that rely on it).
#include <algorithm>
#include <limits>
#include <utility>

#include "wafersim/pe.h"

namespace wafersim {

Variables::Variables(std::vector<Variable> by_address) : all_(std::move(by_address)) {
    for (size_t i = 0; i < all_.size(); ++i)
        while (static_cast<int>(first_.size()) * block < all_[i].end) first_.push_back(static_cast<uint16_t>(i));
}

const Variable* Variables::at(int64_t address) const {
    const auto place = static_cast<size_t>(address / block);
    if (address < 0 || place >= first_.size()) return nullptr;
    for (size_t i = first_[place]; i < all_.size() && all_[i].first <= address; ++i)
        if (address < all_[i].end) return &all_[i];
    return nullptr;
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

// memory: an operation of `count` elements that ends inside has no bound, else it is where the first one lies outside.
uint32_t strided_inside(const Stream& s, const Variable& v, uint32_t count, bool infinite) {
    const int64_t first = s.address, last = first + (int64_t{count} - 1) * s.step;
    if (!inside(v, first, s.words)) return 0;
    if (s.step == 0 || (!infinite && inside(v, last, s.words))) return unbounded;
    const int64_t room = s.step > 0 ? v.end - s.words - first : first - v.first;
    return static_cast<uint32_t>(room / std::abs(s.step) + 1);
}

// An operand that leaves its variable earlier than those before it sets the bound. Addresses that belong to no variable
// (the stack) and those that wavelets move have none.
void bound_by(const Program& program, Plan& plan, const Stream& s, int which) {
    if ((s.kind != StreamKind::memory && s.kind != StreamKind::shaped) || s.index_offset) return;
    const Variable* v = program.variables.at(element_address(s));
    if (!v) return;
    const bool shaped = s.kind == StreamKind::shaped;
    const uint32_t elements = shaped ? shaped_inside(s, *v) : strided_inside(s, *v, plan.length, plan.infinite);
    if (elements >= plan.bound) return;
    plan.bound = elements;
    plan.bounded = static_cast<int8_t>(which);
    plan.variable = v;
}

}  // namespace

void find_bounds(const Program& program, Plan& plan) {
    plan.bound = unbounded;
    bound_by(program, plan, plan.dst, none);
    for (int i = 0; i < plan.sources; ++i) bound_by(program, plan, plan.source[static_cast<size_t>(i)], i);
}

void leave_variable(Pe& pe, VecRun& run) {
    Plan& plan = pe.own_plan(run);
    const std::string which = plan.bounded == none ? "the destination" : "source " + std::to_string(plan.bounded + 1);
    const std::string length = plan.infinite ? "no end" : std::to_string(plan.length) + " elements";
    const std::string message = which + " runs out of '" + plan.variable->name + "' after " +
                                std::to_string(plan.bound) + " elements, the operation has " + length;
    if (pe.env->strict) throw Fault(message);
    plan.bound = unbounded;
    const FaultReport report = pe.report(message);
    const auto same = [&](const FaultReport& other) { return same_place(other, report); };
    auto& known = pe.env->warnings;
    const auto before = std::find_if(known.begin(), known.end(), same);
    if (before == known.end()) known.push_back(report);
    else if (earlier(report, *before)) *before = report;
}

}  // namespace wafersim
