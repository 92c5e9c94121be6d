// How the plan of a DSD operation comes about: for the parts that make plans when the program is loaded (prepare.cpp) and when
// an operation starts (start.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

// Words in memory of the elements that an operation takes and gives.
struct ElementWords {
    uint8_t dst = 1;
    std::array<uint8_t, 3> source{1, 1, 1};
};
ElementWords words_of_elements(Vec op);

// `stream` makes the stream of an operand.
template <class F>
void set_up_operands(Plan& plan, const VecOp& op, F stream) {
    const ElementWords words = words_of_elements(op.op);
    plan.op = op.op;
    plan.function = ops::vec_table[static_cast<size_t>(op.op)];
    plan.sources = static_cast<uint8_t>(op.sources.size());
    plan.dst = stream(op.dst, words.dst, true);
    plan.options.priority = static_cast<int8_t>(plan.dst.priority);
    for (size_t i = 0; i < plan.sources; ++i) {
        plan.source[i] = stream(op.sources[i], words.source[i], false);
        plan.options.priority = std::max(plan.options.priority, static_cast<int8_t>(plan.source[i].priority));
    }
}

// What follows from the operands.
void settle(const Program& program, const Machine& machine, Plan& plan);

// Its options are settled as well, but for the priority of its operands, which is there.
void set_options(Plan& plan, const Options& options);

// `operand` gives the value of a register or constant.
template <class F>
Options options_with(const AsyncOptions& o, F operand) {
    Options options;
    const auto id = [&](int number) { return number == none ? int16_t{none} : static_cast<int16_t>(operand(number) & 0x7fff); };
    if (o.activate != none || o.unblock != none) {
        options.completions[0] = {id(o.activate), id(o.unblock), o.unblock_space};
        options.completion_count = 1;
    }
    options.microthread = id(o.microthread);
    options.priority = static_cast<int8_t>(o.priority);
    options.on_control = o.on_control;
    options.on_control_task = id(o.on_control_task);
    options.index = o.index == none ? none : static_cast<int>(operand(o.index) & 0xffff);
    return options;
}

// The microthread of an asynchronous operation: the given one, or the number of the queue of the destination, else of
// the first source in the fabric; none: any that is free.
int microthread_of(const OperandDsds& dsds, const Options& options);

// Ticks that the memory takes for the last, partly used lines of an operation that has read `done` elements.
int64_t rest_of_lines(const Machine& machine, const Plan& plan, uint32_t done);

// How the fast engine advances an operation whose memory may end, or begin to be used, before its elements do.
Flow flow_of(const Plan& plan);

}  // namespace wafersim
