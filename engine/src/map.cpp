// @map: one call of a function for each element of its operands.
#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

namespace {

// Elements to go through, and whether the operands agree about it.
uint32_t map_length(const MapRun& run, size_t inputs) {
    int length = none;
    const auto look = [&](const Stream& s) {
        if (!s.has_length || s.length == infinite_length) return;
        if (length != none && length != s.length) {
            throw Fault("operands of @map differ in length: " + std::to_string(length) + " and " +
                        std::to_string(s.length));
        }
        length = s.length;
    };
    look(run.output);
    for (size_t i = 0; i < inputs; ++i) look(run.input[i]);
    return length == none ? 1 : static_cast<uint32_t>(length);
}

}  // namespace

void Pe::start_map(const MapOp& op) {
    if (op.inputs.size() > MapRun::max_inputs)
        throw Fault("@map with more than " + std::to_string(MapRun::max_inputs) + " inputs");
    MapRun run;
    run.op = &op;
    run.depth = frames.size();
    for (size_t i = 0; i < op.inputs.size(); ++i)
        run.input[i] = make_stream(op.inputs[i], words_of(op.input_types[i]), false);
    if (op.output.kind != OperandKind::none) run.output = make_stream(op.output, words_of(op.output_type), true);
    run.remaining = map_length(run, op.inputs.size());
    maps.push_back(run);
}

bool Pe::map_may_advance() const {
    const MapRun& run = maps.back();
    if (run.has_result) return run.output.kind == StreamKind::none || output_ready(run.output);
    if (run.remaining == 0) return true;
    for (size_t i = 0; i < run.op->inputs.size(); ++i)
        if (!element_ready(run.input[i], 0)) return false;
    return true;
}

// Writes the result of the last call, then makes the next one or ends.
void Pe::advance_map() {
    MapRun& run = maps.back();
    if (run.has_result) {
        run.has_result = false;
        if (run.output.kind != StreamKind::none) write_element(run.output, static_cast<uint32_t>(run.result), 0);
        ++env->stats.vector_elements;
        if (!map_may_advance()) return;
    }
    if (run.remaining == 0) {
        maps.pop_back();
        return;
    }
    --run.remaining;
    const Function& function = program->functions[static_cast<size_t>(run.op->function)];
    std::array<uint64_t, MapRun::max_inputs> arguments{};
    int index = 0;
    for (size_t i = 0; i < run.op->inputs.size(); ++i) {
        Stream& s = run.input[i];
        if (run.op->pointer_inputs[i]) {
            arguments[i] = static_cast<uint64_t>(element_address(s));
            advance(s);
        } else {
            arguments[i] = ops::normalise(run.op->input_types[i], read_element(s, index));
        }
    }
    call(function, none, true);
    std::copy_n(arguments.begin(), run.op->inputs.size(), window());
    main_ready = env->now + static_cast<uint64_t>(env->machine.vector.map_iteration);
}

void Pe::finish_map_call(uint64_t value) {
    maps.back().has_result = true;
    maps.back().result = value;
}

}  // namespace wafersim
