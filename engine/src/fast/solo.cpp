// The main thread runs ahead: cycle after cycle of a PE in one visit, with the clock of its environment moved along.
//
// This is exact because no other thread wants the issue slot, arriving wavelets change nothing but queues that nobody
// looks at, and the run cannot end before the horizon. What could be seen from outside waits for its cycle.
#include "solo.h"

#include "../plan.h"
#include "bulk.h"

namespace wafersim::fast {

namespace {

bool in_memory(Dsd dsd) {
    return dsd.kind() == DsdKind::mem1d || dsd.kind() == DsdKind::mem4d || dsd.kind() == DsdKind::circbuf;
}

bool in_memory(const Pe& pe, const VecOperand& o) {
    return (o.kind != OperandKind::dsd && o.kind != OperandKind::dsr) || in_memory(pe.dsd_of(o));
}

bool in_memory(const Pe& pe, const VecOp& op) {
    if (op.complete.plan) return !op.options.is_async && op.complete.plan->flow == Flow::memory;
    if (op.options.is_async || !in_memory(pe, op.dst)) return false;
    for (const VecOperand& o : op.sources)
        if (!in_memory(pe, o)) return false;
    return true;
}

bool in_memory(const Pe& pe, const MapOp& op) {
    for (const VecOperand& o : op.inputs)
        if (!in_memory(pe, o)) return false;
    return in_memory(pe, op.output);
}

// Registers appear in the address space of 16-bit accesses.
bool is_register(const Pe& pe, const Instr& i, const uint64_t* window) {
    return words_of(i.ty) == 1 && static_cast<int64_t>(pe.operand(window, i.a) & 0xffff) + i.imm >= 2 * first_register;
}

// The clock of the PE: what it shows follows from the cycle alone. Programs wait for it in loops.
bool is_clock(const Pe& pe, const Instr& i, const uint64_t* window) {
    const RegisterBank& bank = pe.env->machine.registers[static_cast<size_t>(RegisterId::TIMESTAMP_COUNTER)];
    const auto address = static_cast<int64_t>(pe.operand(window, i.a) & 0xffff);
    return address >= bank.address && address < bank.address + bank.count;
}

template <class... Ops>
constexpr uint64_t set_of(Ops... ops) {
    static_assert(op_count <= 64);
    return ((uint64_t{1} << static_cast<int>(ops)) | ...);
}

// All others change nothing but registers, memory and tasks of their PE.
constexpr uint64_t may_reach_outside = set_of(Op::load_, Op::store_, Op::ret_, Op::vec_, Op::map_, Op::dsrload_, Op::getcfg_,
                                              Op::qflush_, Op::setcfg_, Op::print_);

// Of those that may reach outside, this one does not.
bool stays_inside(const Pe& pe, const Instr& i, const uint64_t* window) {
    switch (i.op) {
    case Op::load_:
    case Op::store_: return !is_register(pe, i, window);
    case Op::ret_:  // the step of @map that follows a call is in the same cycle
        return pe.frames.size() > 1 && (!pe.frames.back().from_map || predictable(pe, pe.maps.back()));
    case Op::vec_: return in_memory(pe, pe.program->vecops[static_cast<size_t>(i.imm)]);
    case Op::map_: return in_memory(pe, pe.program->maps[static_cast<size_t>(i.imm)]);
    case Op::dsrload_: return in_memory(Dsd{pe.operand(window, pe.program->dsr_loads[static_cast<size_t>(i.imm)].dsd)});
    case Op::getcfg_: return is_clock(pe, i, window);
    default: return false;
    }
}

bool is_internal(const Pe& pe, const Instr& i, const uint64_t* window) {
    return !(may_reach_outside >> static_cast<int>(i.op) & 1) || stays_inside(pe, i, window);
}

void count_cycles(Pe& pe, uint64_t cycles) {
    pe.main_cycles += cycles;
    pe.env->stats.pe_cycles += cycles;
}

bool completion_is_safe(const Pe& pe, const VecRun& run) {
    for (int i = 0; i < run.plan->options.completion_count; ++i) {
        const Completion& c = run.plan->options.completions[static_cast<size_t>(i)];
        if (c.unblock != none && pe.task_id(c.unblock_space, c.unblock) < 0) return false;
    }
    return true;
}

// Completes the operation of the main thread, whose next elements may be made in cycle `first` or later. False, with
// nothing done: that cannot be foretold, or takes too long.
bool complete_operation(Pe& pe, uint64_t first, bool first_is_counted, uint64_t horizon) {
    const int main = pe.main_thread();
    VecRun& run = pe.run_of(main);
    if ((pe.blocked_threads >> main & 1) || !predictable(pe, run) || !completion_is_safe(pe, run)) return false;
    const int64_t start = std::max(run.next_tick, static_cast<int64_t>(first) * ticks_per_cycle);
    const Plan& plan = *run.plan;
    const int64_t groups = (int64_t{run.remaining} + plan.group - 1) / plan.group;
    const auto last = static_cast<uint64_t>((start + (groups - 1) * plan.group * plan.period) / ticks_per_cycle);
    if (last >= horizon) return false;
    const bool begins_at_once = start < static_cast<int64_t>(first + 1) * ticks_per_cycle;
    count_cycles(pe, static_cast<uint64_t>(groups) - (first_is_counted && begins_at_once));
    run.next_tick = start;
    advance_elements(pe, run, run.remaining);
    run.next_tick += rest_of_lines(pe.env->machine, plan, done_of(run));
    pe.env->now = last;
    pe.finish_run(main);
    return true;
}

// One operation. False, with nothing done: it has to wait for its cycle.
bool execute(Pe& pe, uint64_t cycle, uint64_t horizon, int& cost) {
    Frame& frame = pe.frames.back();
    uint64_t* const window = pe.registers.data() + frame.registers;
    const Instr& instr = *frame.next;
    if (!is_internal(pe, instr, window)) return false;
    pe.current_loc = instr.loc;
    pe.current_function = frame.function;
    ++frame.next;
    bool done = true;
    try {
        cost = instr.execute(pe, instr, window);
        if (pe.running) {  // a DSD operation has begun; whatever follows it has to wait for the next cycle
            done = complete_operation(pe, cycle, true, horizon);
            cost = 1;
        }
    } catch (const std::exception&) {
        done = false;  // it will fault again in its cycle, if the run comes that far
    }
    if (done) {
        ++pe.env->stats.instructions;
    } else {
        pe.running = 0;
        pe.frames.back().next = &instr;
    }
    return done;
}

bool in_map(const Pe& pe) { return !pe.maps.empty() && pe.maps.back().depth == pe.frames.size(); }

// What the main thread does in one cycle of the issue slot. False: it stops before the cycle, or within it before
// an operation that has to wait; the cycle is counted when that one is issued.
bool issue(Pe& pe, uint64_t cycle, uint64_t horizon) {
    pe.env->now = cycle;
    int cost = 0;
    do {
        if (in_map(pe)) {
            if (!predictable(pe, pe.maps.back())) return false;
            pe.advance_map();
            break;
        }
        if (!execute(pe, cycle, horizon, cost)) return false;
    } while (cost == 0 && pe.main_ready <= cycle);
    pe.main_ready = std::max(pe.main_ready, cycle + static_cast<uint64_t>(cost));
    count_cycles(pe, 1);
    return true;
}

}  // namespace

bool may_run_ahead(const Pe& pe) {
    if (pe.input_flush | pe.output_flush) return false;  // the scheduler looks at the queues in each cycle
    return !pe.frames.empty() && (pe.running & ~(uint32_t{1} << pe.main_thread())) == 0;
}

void run_ahead(Pe& pe, uint64_t horizon) {
    Environment& env = *pe.env;
    const uint64_t now = env.now, instructions = env.stats.instructions;
    if (pe.running && !complete_operation(pe, now + 1, false, horizon)) return;
    bool ran = env.now > now;
    uint64_t next = std::max(now + 1, pe.main_ready);
    while (next < horizon && issue(pe, next, horizon)) {
        ran = true;
        next = std::max(next + 1, pe.main_ready);
    }
    if (ran || env.stats.instructions > instructions) {
        pe.main_ready = std::max(pe.main_ready, next);
        pe.last_thread = static_cast<int8_t>(pe.main_thread());
        pe.waits_for_thread = none;
    }
    env.now = now;
}

}  // namespace wafersim::fast
