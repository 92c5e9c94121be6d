// The numbers that DSRs and constants of a program go by, so that each PE keeps only what differs from other PEs; what programs
// have in common.
#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <type_traits>

#include "wafersim/program.h"

namespace wafersim {

// PEs keep only the DSRs that something is loaded into: those are numbered from 0, in order. All others get the number
// after the last, which no PE has.
void renumber_dsrs(Program& p) {
    std::map<int, int> numbers;
    for (const DsrLoad& load : p.dsr_loads) numbers[load.dsr] = 0;
    for (auto& [dsr, number] : numbers) number = p.dsr_count++;
    for (DsrLoad& load : p.dsr_loads) load.dsr = numbers[load.dsr];
    const auto renumber = [&](VecOperand& o) {
        if (o.kind != OperandKind::dsr) return;
        const auto found = numbers.find(o.value);
        o.value = found == numbers.end() ? p.dsr_count : found->second;
    };
    for (VecOp& op : p.vecops) {
        renumber(op.dst);
        for (VecOperand& source : op.sources) renumber(source);
    }
    for (MapOp& map : p.maps) {
        renumber(map.output);
        for (VecOperand& input : map.inputs) renumber(input);
    }
}

namespace {

// Calls f with whatever may be the number of a register or constant.
template <class F>
void each_operand(Program& p, F f) {
    const auto value = [&](VecOperand& o) {
        if (o.kind != OperandKind::none && o.kind != OperandKind::dsr) f(o.value);
    };
    const auto options = [&](AsyncOptions& o) {
        for (int* operand : {&o.activate, &o.unblock, &o.microthread, &o.on_control_task, &o.index}) f(*operand);
    };
    for (Function& function : p.functions)
        for (Instr& i : function.code) f(i.a), f(i.b);
    for (VecOp& op : p.vecops) {
        value(op.dst);
        std::for_each(op.sources.begin(), op.sources.end(), value);
        options(op.options);
    }
    for (MapOp& map : p.maps) {
        value(map.output);
        std::for_each(map.inputs.begin(), map.inputs.end(), value);
    }
    for (DsrLoad& load : p.dsr_loads) {
        f(load.dsd);
        options(load.options);
    }
}

}  // namespace

// Those that patches change come last.
void renumber_constants(Program& p) {
    std::vector<bool> patched(p.constants.size());
    for (const Patch& patch : p.patches)
        if (patch.kind == PatchKind::constant) patched[static_cast<size_t>(patch.index)] = true;
    std::vector<int> order(p.constants.size()), place(p.constants.size());
    std::iota(order.begin(), order.end(), 0);
    const auto first = std::stable_partition(order.begin(), order.end(), [&](int k) { return !patched[static_cast<size_t>(k)]; });
    p.first_patched = static_cast<int>(first - order.begin()) + 1;
    const std::vector<uint64_t> before = p.constants;
    for (size_t to = 0; to < order.size(); ++to) {
        place[static_cast<size_t>(order[to])] = static_cast<int>(to);
        p.constants[to] = before[static_cast<size_t>(order[to])];
    }
    each_operand(p, [&](int& operand) {  // those that no instruction uses may be anything
        const auto constant = static_cast<size_t>(-2 - operand);
        if (operand < none && constant < place.size()) operand = -2 - place[constant];
    });
    for (Patch& patch : p.patches)
        if (patch.kind == PatchKind::constant) patch.index = place[static_cast<size_t>(patch.index)];
    p.pool = {0};
    p.pool.insert(p.pool.end(), p.constants.begin(), p.constants.end());
}

static_assert(std::has_unique_object_representations_v<Instr>, "bytes tell whether two instructions are equal");

void share_code(Image& image) {
    std::map<std::string_view, const Instr*> known;  // by the bytes of the code
    for (Program& program : image.programs) {
        for (Function& f : program.functions) {
            const std::string_view bytes(reinterpret_cast<const char*>(f.code.data()), f.code.size() * sizeof(Instr));
            f.entry = known.try_emplace(bytes, f.code.data()).first->second;
            if (f.entry != f.code.data()) std::vector<Instr>().swap(f.code);
        }
    }
}

}  // namespace wafersim
