// One cycle of a PE: who gets the issue slot. Also construction, and what the mesh asks a PE.
#include "wafersim/pe.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace wafersim {

namespace {

// Channels start blocked unless a data task is bound to them: control wavelets then wait for an @unblock. Ids that
// other tasks go by start unblocked.
uint64_t initially_blocked(const Pe& pe) {
    uint64_t blocked = 0;
    const size_t count = std::min(pe.channels.size(), static_cast<size_t>(pe.env->machine.colors.count));
    for (size_t id = 0; id < count; ++id) {
        const bool bound = pe.program->data_task[id] >= 0 || pe.program->local_task[id] >= 0 || pe.program->control_task[id] >= 0;
        if (!bound && static_cast<int>(id) != pe.program->command_task) blocked |= uint64_t{1} << id;
    }
    return blocked;
}

template <class T>
std::span<T> taken(Arena& arena, size_t count) {
    return {arena.take<T>(count), count};
}

// Channels are input queues, or colors where data tasks belong to colors. A color that no queue is bound to has the
// depth of the last queue.
void set_up_queues(Pe& pe, const int64_t* patches) {
    const auto& depths = pe.env->machine.queues.input_depth;
    const int deepest = *std::max_element(depths.begin(), depths.end());
    const bool by_queue = pe.env->machine.tasks.data_by_queue;
    pe.channels = taken<Channel>(*pe.arena, by_queue ? depths.size() : 32);
    for (size_t i = 0; i < pe.channels.size(); ++i)
        by_queue ? pe.channels[i].wavelets.set_depth(depths[i]) : pe.channels[i].wavelets.set_depth(depths.back(), deepest);
    pe.channel_of_queue.fill(-1);
    for (size_t i = 0; i < pe.channels.size() && by_queue; ++i) pe.channel_of_queue[i] = static_cast<int8_t>(i);
    for (int i = 0; i < 32; ++i)
        if (!by_queue) pe.channel_of_color[i] = static_cast<int8_t>(i);
    std::vector<QueueBinding> inputs = pe.program->input_queues;
    for (size_t i = 0; i < pe.program->patches.size(); ++i) {
        const Patch& patch = pe.program->patches[i];
        if (patch.kind == PatchKind::input_color) inputs[static_cast<size_t>(patch.index)].color = static_cast<int>(patches[i]);
    }
    for (const QueueBinding& b : inputs)
        if (b.color != none) pe.bind_input(b.queue, b.color);
    pe.outputs = taken<OutputQueue>(*pe.arena, pe.env->machine.queues.output_depth.size());
    for (size_t i = 0; i < pe.outputs.size(); ++i)
        pe.outputs[i].wavelets.set_depth(pe.env->machine.queues.output_depth[i]);
    for (const QueueBinding& b : pe.program->output_queues) pe.outputs[b.queue].color = static_cast<int8_t>(b.color);
}

// Puts the tile's numbers in the places of those of the first tile. Queues have been set up, nothing has run.
void patch(Pe& pe, const int64_t* numbers) {
    const Program& program = *pe.program;
    std::span<uint64_t> own;  // constants
    for (size_t i = 0; i < program.patches.size(); ++i) {
        const auto index = static_cast<size_t>(program.patches[i].index);
        const int64_t number = numbers[i];
        switch (program.patches[i].kind) {
        case PatchKind::constant:
            if (own.empty()) {
                own = taken<uint64_t>(*pe.arena, program.pool.size() - static_cast<size_t>(program.first_patched));
                pe.patched = own.data();
            }
            own[index + 1 - static_cast<size_t>(program.first_patched)] = static_cast<uint64_t>(number);
            break;
        case PatchKind::word: pe.memory.data()[index] = static_cast<uint16_t>(number); break;
        case PatchKind::input_color: break;
        case PatchKind::output_color:
            pe.outputs[static_cast<size_t>(program.output_queues[index].queue)].color = static_cast<int8_t>(number);
            break;
        }
    }
}

}  // namespace

void Pe::bind_tasks(Program& program) {
    for (auto* table : {&program.local_task, &program.data_task, &program.control_task}) table->fill(-1);
    for (size_t i = 0; i < program.tasks.size(); ++i) {
        const Task& task = program.tasks[i];
        auto& table = task.kind == TaskKind::local  ? program.local_task
                      : task.kind == TaskKind::data ? program.data_task
                                                    : program.control_task;
        table[static_cast<size_t>(task.id)] = static_cast<int8_t>(i);
    }
}

Pe::Pe(Environment& environment, Arena& block_arena, Router& router, const Program* program, int x, int y, uint16_t* words,
       const int64_t* patches)
    : env(&environment),
      arena(&block_arena),
      program(program),
      memory(words, program ? program->stored_words : 0, program ? env->machine.memory.words : 0),
      router(router),
      x(static_cast<int16_t>(x)),
      y(static_cast<int16_t>(y)) {
    channel_of_color.fill(-1);
    if (!program) return;
    for (const DataSegment& segment : program->data) {
        std::copy(segment.words.begin(), segment.words.end(), memory.data() + segment.address);
    }
    fifos = taken<FifoState>(*arena, program->fifos.size());
    dsrs = taken<Dsr>(*arena, static_cast<size_t>(program->dsr_count));
    set_up_queues(*this, patches);
    patched = program->pool.data() + program->first_patched;
    if (patches) patch(*this, patches);
    blocked = initially_blocked(*this);
    for (const auto& [space, id] : program->unblocked) block(space, id, false);
    for (const auto& [space, id] : program->blocked) block(space, id, true);
    for (int number : program->initial_loads) run_dsr_load(program->dsr_loads[static_cast<size_t>(number)]);
    for (int id : program->activated) pending.push_back({0, id});
}

// One context advances a cycle: highest priority first, turns among equals.
bool Pe::step() {
    each_bit(running, [&](int thread) { meet_controls(thread); });
    const uint64_t candidates = running | (frames.empty() ? 0 : uint64_t{1} << main_thread());
    int chosen = none, best = -1;
    each_bit_after(candidates, last_thread, [&](int thread) {
        if (thread_priority(thread) <= best || !may_issue(thread)) return;
        chosen = thread;
        best = thread_priority(thread);
    });
    if (chosen == none) return false;
    last_thread = static_cast<int8_t>(chosen);
    ++(chosen == main_thread() ? main_cycles : thread_cycles);
    if (!busy(chosen)) {
        const uint32_t before = running;
        step_main();
        each_bit(running & ~before, [&](int thread) { make_general(run_of(thread)); });
    }
    // An operation without start-up makes its first elements in the cycle of its issue.
    if (busy(chosen) && may_advance(run_of(chosen))) advance_run(chosen);
    ++env->stats.pe_cycles;
    return true;
}

PeExtras& Pe::extras() {
    if (!own_extras) own_extras = std::make_unique<PeExtras>();
    return *own_extras;
}

const PeExtras& Pe::extras() const {
    static const PeExtras as_made;
    return own_extras ? *own_extras : as_made;
}

namespace {

// Room for two, then for twice as many.
void add_room(Pe& pe, uint8_t count) {
    VecRun* const more = pe.arena->take<VecRun>(std::max(2, 2 * count));
    std::copy_n(pe.runs, count, more);
    pe.runs = more;
}

}  // namespace

VecRun& Pe::new_run(int thread) {
    if (place_of_run(thread) == no_place) {
        if (run_count == 0 || (run_count > 1 && std::has_single_bit(run_count))) add_room(*this, run_count);
        places ^= static_cast<uint64_t>(no_place ^ run_count++) << 4 * thread;
    }
    VecRun& run = run_of(thread);
    run = {.plan = run.plan};
    return run;
}

void Pe::use_plan(VecRun& run, const Plan& plan) {
    if (Plan* const own = own_plan_of(run)) {
        own->next_spare = spare_plans;
        spare_plans = own;
    }
    run.plan = &plan;
}

Plan& Pe::copy_plan(VecRun& run, const Plan& plan) {
    Plan* own = own_plan_of(run);
    if (!own) own = spare_plans ? std::exchange(spare_plans, spare_plans->next_spare) : arena->take<Plan>(1);
    *own = plan;
    own->own = true;
    own->places = nullptr;
    run.plan = own;
    return *own;
}

namespace {

// The streams of the plan of an operation that has run, brought up to where it has come to.
void settle_streams(const VecRun& run, Plan& plan) {
    if (sends(run.flow)) plan.source[0].address = run.address;
    if (receives(run.flow)) plan.dst.address = run.address;
    if (run.plan->own) return;
    const auto look = [&](Stream& s) {
        if (s.kind == StreamKind::fabric_in) s.number = run.input;
        if (s.kind == StreamKind::fabric_out) s.color = run.color;
        for (uint32_t n = done_of(run); run.flow == Flow::memory && n > 0; --n) advance(s);
    };
    look(plan.dst);
    for (Stream& s : plan.source) look(s);
}

}  // namespace

Plan plan_by_now(const VecRun& run) {
    Plan plan = *run.plan;
    settle_streams(run, plan);
    return plan;
}

void Pe::make_general(VecRun& run) {
    if (Plan* const own = own_plan_of(run)) settle_streams(run, *own);
    else copy_plan(run, plan_by_now(run));
    run.flow = Flow::general;
}

bool Pe::may_issue(int thread) const {
    if (busy(thread)) return may_advance(run_of(thread)) && !(blocked_threads >> thread & 1);
    return thread == main_thread() && main_may_issue();
}

int Pe::thread_priority(int thread) const {
    if (thread == main_thread()) return main_priority;
    return run_of(thread).plan->level;
}

uint64_t Pe::next_wake() const {
    const uint64_t next = env->now + 1;
    uint64_t wake = never;
    const auto at = [&](uint64_t cycle) { wake = std::min(wake, std::max(cycle, next)); };
    each_bit(running, [&](int thread) {
        const uint64_t due = static_cast<uint64_t>(run_of(thread).next_tick / ticks_per_cycle);
        if (due >= next || may_issue(thread)) at(due);
    });
    if (!busy(main_thread()) && !frames.empty() && (main_ready >= next || main_may_issue())) at(main_ready);
    for (const PendingActivation& p : pending) at(p.due);
    each_bit(filled, [&](int channel) {
        const WaveletQueue& queue = channels[static_cast<size_t>(channel)].wavelets;
        int i = 0;
        while (queue.has_ready(env->now, i)) ++i;
        if (i < queue.size()) at(queue.at(i).ready_at(env->now));
    });
    if (frames.empty()) {
        if (main_ready >= next) at(main_ready);
        if (has_handlers() || (active & ~blocked)) at(main_ready);
        if (!commands.empty() && (command_due >= next || host_may_command())) at(command_due);
    }
    return wake;
}

size_t Pe::state_bytes() const {
    size_t bytes = sizeof(Pe) + pending.bytes() + frames.bytes() + registers.bytes() + maps.bytes() + commands.bytes();
    if (own_extras) {
        bytes += sizeof(PeExtras) + own_extras->print_line.capacity() + own_extras->handlers.capacity() * sizeof(int);
        bytes += own_extras->plain_registers.size() * 48;  // what a node of a map takes
    }
    return bytes;
}

// A PE without a queue for the color holds the wavelet back in the router.
bool Pe::receive(const Wavelet& wavelet, bool commit) {
    if (!program) return false;
    const int channel = channel_of_color[wavelet.color];
    if (channel < 0 || channels[channel].wavelets.full()) return false;
    if (!commit) return true;
    channels[channel].wavelets.push(wavelet, *arena);
    filled |= uint32_t{1} << channel;
    if (wavelet.control) controls |= uint32_t{1} << channel;
    return true;
}

Pe::Executed Pe::executed() const {
    if (last_thread == main_thread() || place_of_run(last_thread) == no_place) return {current_loc, current_function};
    const VecRun& run = run_of(last_thread);
    const VecOp& op = program->vecops[static_cast<size_t>(run.op)];
    return {op.loc, run.plan->started_in ? run.plan->started_in : op.function};
}

FaultReport Pe::report(const std::string& message) const {
    FaultReport report{x, y, env->now, message, {}, {}, {}, 0, 0};
    const Executed last = executed();
    const Location& at = program->locations[static_cast<size_t>(last.loc)];
    if (!frames.empty()) report.task = *task_name;
    if (last.function) report.function = last.function->name;
    if (static_cast<size_t>(at.file) < program->files.size())
        report.file = program->files[static_cast<size_t>(at.file)];
    report.line = at.line;
    report.column = at.column;
    return report;
}

}  // namespace wafersim
