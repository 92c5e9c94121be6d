// What instructions and starts of DSD operations cost, as far as the program alone says it.
#include "wafersim/machine.h"
#include "wafersim/program.h"

namespace wafersim {

namespace {

// An address that is the sum of a register and an offset takes longer.
bool is_indexed(const Instr& i) {
    return (i.op == Op::load_ || i.op == Op::store_ || i.op == Op::frame_) && i.a >= 0 && i.imm != 0;
}

// Its DSDs are loaded into DSRs first, one after the other, but for those that the program has loaded itself, and the last
// load takes its time.
int start_of(const Machine& machine, const VecOp& op) {
    int loads = op.dst.kind == OperandKind::dsd;
    for (const VecOperand& o : op.sources) loads += o.kind == OperandKind::dsd;
    return machine.vector.start + (loads > 0 ? loads * machine.dsr_load + machine.dsr_latency - 1 : 0);
}

}  // namespace

void settle_costs(Program& program, const Machine& machine) {
    for (Function& function : program.functions) {
        for (Instr& i : function.code) {
            const int cost = machine.scalar[static_cast<size_t>(i.op)][static_cast<size_t>(i.ty)];
            i.cost = static_cast<int16_t>(cost + (is_indexed(i) ? machine.indexed : 0));
        }
    }
    for (VecOp& op : program.vecops) op.start = start_of(machine, op);
}

}  // namespace wafersim
