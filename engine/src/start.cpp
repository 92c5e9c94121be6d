// How a DSD operation starts: by which plan, on which thread, at what time.
//
// Most of a plan follows from the operation and its DSDs. Where those are constants it is worked out when the program is loaded
// (prepare.cpp); if nothing but channel and color is left to the PE, its operations run by that plan, else by a copy in which the
// PE's queues, scalars and options are filled in.
#include <algorithm>

#include "plan.h"
#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

namespace {

OperandDsds dsds_of(const Pe& pe, const VecOp& op) {
    OperandDsds dsds{pe.dsd_of(op.dst)};
    for (size_t i = 0; i < op.sources.size(); ++i) dsds[i + 1] = pe.dsd_of(op.sources[i]);
    return dsds;
}

void merge(Options& into, const Options& more) {
    for (int i = 0; i < more.completion_count && into.completion_count < static_cast<int>(into.completions.size());
         ++i) {
        into.completions[static_cast<size_t>(into.completion_count++)] = more.completions[static_cast<size_t>(i)];
    }
    if (into.microthread == none) into.microthread = more.microthread;
    into.priority = std::max(into.priority, more.priority);
    if (more.on_control != OnControl::ignore) {
        into.on_control = more.on_control;
        into.on_control_task = more.on_control_task;
    }
}

// Its own, and those of its DSRs.
Options options_of(const Pe& pe, const VecOp& op) {
    Options options = pe.resolve(op.options);
    const auto add = [&](const VecOperand& o) {
        if (const Dsr* dsr = pe.dsr_of(o)) merge(options, dsr->options);
    };
    add(op.dst);
    for (const VecOperand& o : op.sources) add(o);
    return options;
}

void set_up_operands(Pe& pe, Plan& plan, const VecOp& op) {
    set_up_operands(plan, op, [&](const VecOperand& o, int words, bool is_destination) {
        return pe.make_stream(o, words, is_destination);
    });
}

void bind_operands(Pe& pe, Plan& plan, const VecOp& op, const PreparedPlan& prepared, const OperandDsds& dsds) {
    each_bit(prepared.bound_later, [&](size_t i) {
        Stream& stream = i == 0 ? plan.dst : plan.source[i - 1];
        pe.bind_stream(stream, i == 0 ? op.dst : op.sources[i - 1], dsds[i], i == 0);
    });
}

int free_microthread(const Pe& pe) {
    const int count = pe.env->machine.microthreads.count;
    for (int i = count; i-- > 0;)
        if (!pe.busy(i)) return i;
    return count - 1;
}

// An operation that cannot start: what is wrong with its operands is told before what is wrong with its thread.
void hold_back(Pe& pe, const VecOp& op, int thread, bool exists) {
    Plan unused;
    set_up_operands(pe, unused, op);
    if (!exists) throw Fault("microthread " + std::to_string(thread) + " does not exist");
    pe.waits_for_thread = static_cast<int8_t>(thread);
}

// With a plan of its own.
VecRun& new_own_run(Pe& pe, const VecOp& op, const OperandDsds& dsds, const Options& options, int thread) {
    VecRun& run = pe.new_run(thread);
    const bool prepared = op.prepared && std::equal(dsds.begin(), dsds.end(), op.prepared->dsds.begin(), [](Dsd a, Dsd b) { return a.is_like(b); });
    Plan& plan = pe.copy_plan(run, prepared ? op.prepared->plan : Plan());
    if (prepared) {
        bind_operands(pe, plan, op, *op.prepared, dsds);
    } else {
        set_up_operands(pe, plan, op);
        settle(*pe.program, pe.env->machine, plan);
    }
    plan.started_in = pe.current_function;
    set_options(plan, options);
    return run;
}

// By a shared plan.
VecRun& new_shared_run(Pe& pe, const VecOp& op, int thread) {
    VecRun& run = pe.new_run(thread);
    const CompletePlan& complete = op.complete;
    const Plan& plan = *complete.plan;
    pe.use_plan(run, plan);
    run.flow = plan.flow;
    run.address = sends(run.flow) ? plan.source[0].address : plan.dst.address;
    if (plan.dst.kind == StreamKind::fabric_out) {
        run.output = plan.dst.queue;
        run.color = pe.color_of_output(complete.own_colors ? pe.dsd_of(op.dst) : complete.dst);
    }
    if (plan.source[0].kind == StreamKind::fabric_in)
        run.input = static_cast<int8_t>(pe.bind_source(complete.own_colors ? pe.dsd_of(op.sources[0]) : complete.source));
    return run;
}

void begin(Pe& pe, const VecOp& op, VecRun& run, int thread) {
    const Plan& plan = *run.plan;
    const bool is_output = plan.dst.kind == StreamKind::fabric_out;
    if (is_output && plan.own) run.color = plan.dst.color;
    if (is_output && !pe.router.find(run.color))
        throw Fault("sends on color " + std::to_string(run.color) + ", which has no route here");
    run.op = static_cast<int32_t>(&op - pe.program->vecops.data());
    run.remaining = plan.length;
    const int start = op.start + (op.options.is_async ? pe.env->machine.microthreads.start : 0);
    run.next_tick = static_cast<int64_t>(pe.env->now + static_cast<uint64_t>(start)) * ticks_per_cycle;
    pe.running |= uint32_t{1} << thread;
    pe.raised = static_cast<uint16_t>((pe.raised & ~(1u << thread)) | unsigned{plan.level > 0} << thread);
    for (const auto& observer : pe.env->observers) {
        observer->operation_started(pe.env->now, pe.x, pe.y, thread, vec_rows[static_cast<size_t>(op.op)].name.data(),
                                    run.remaining);
    }
    if (run.remaining == 0 && !plan.infinite) pe.finish_run(thread);
}

// Of an operation whose microthread is `given`, or any that is free.
int thread_for(const Pe& pe, const VecOp& op, int given) {
    return !op.options.is_async ? pe.main_thread() : given != none ? given : free_microthread(pe);
}

}  // namespace

bool Pe::start_vector(const VecOp& op) {
    if (op.complete.plan) {
        const int thread = thread_for(*this, op, op.complete.microthread);
        if (busy(thread)) return hold_back(*this, op, thread, true), false;
        begin(*this, op, new_shared_run(*this, op, thread), thread);
        return true;
    }
    const OperandDsds dsds = dsds_of(*this, op);
    const Options options = options_of(*this, op);
    const int thread = thread_for(*this, op, microthread_of(dsds, options));
    const bool exists = !op.options.is_async || thread < main_thread();
    if (!exists || busy(thread)) return hold_back(*this, op, thread, exists), false;
    begin(*this, op, new_own_run(*this, op, dsds, options, thread), thread);
    return true;
}

}  // namespace wafersim
