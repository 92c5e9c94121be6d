// Tasks: activation, blocking, and the scheduler that gives the main thread its next task.
//
// Local tasks, data tasks and control tasks share one table of 64 ids. The channel that a data task is bound to (input
// queue or color) has the data task's id, so blocking a channel and blocking its data task are the same.
#include <bit>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

void Pe::activate(int id, int delay) {
    pending.push_back({env->now + static_cast<uint64_t>(env->machine.tasks.activation + delay), id & 63});
}

int Pe::task_id(IdSpace space, int id) const {
    if (space == IdSpace::input_queue) return channel_of_queue[id & 15];
    if (space == IdSpace::color) return channel_of_color[id & 31];
    return id & 63;
}

void Pe::block(IdSpace space, int id, bool block) {
    const int number = task_id(space, id);
    if (number < 0)
        throw Fault("queue or color " + std::to_string(id) + " is bound to no channel that could be blocked");
    const uint64_t bit = uint64_t{1} << number;
    if (space == IdSpace::microthread) blocked_threads = static_cast<uint16_t>(block ? blocked_threads | bit : blocked_threads & ~bit);
    else blocked = block ? blocked | bit : blocked & ~bit;
}

// A data wavelet needs its data task, a control wavelet a control task that is not blocked either.
bool Pe::channel_runnable(int channel) const {
    const WaveletQueue& queue = channels[channel].wavelets;
    if (!queue.has_ready(env->now) || (blocked >> channel & 1)) return false;
    const Wavelet& wavelet = queue.front();
    if (!wavelet.control) return program->data_task[static_cast<size_t>(channel)] >= 0;
    return !(blocked >> control_task_of(wavelet) & 1);
}

uint64_t Pe::runnable_channels() const {
    uint64_t mask = 0;
    each_bit(filled, [&](int channel) {
        if (channel_runnable(channel)) mask |= uint64_t{1} << channel;
    });
    return mask;
}

namespace {

bool is_for_no_task(const Wavelet& w) { return w.tail || (w.control && control_task_of(w) == no_control_task); }

}  // namespace

// Control wavelets that name no task have done their work in the routers; the end of a message is for DSD operations.
void Pe::discard_idle_controls() {
    each_bit(filled & ~blocked, [&](int channel) {
        const WaveletQueue& queue = channels[static_cast<size_t>(channel)].wavelets;
        while (queue.has_ready(env->now) && is_for_no_task(queue.front())) {
            take_wavelet(channel);
            ++env->stats.dropped_controls;
        }
    });
}

Wavelet Pe::take_wavelet(int channel) {
    WaveletQueue& queue = channels[static_cast<size_t>(channel)].wavelets;
    const Wavelet wavelet = queue.front();
    queue.pop();
    if (queue.empty()) filled &= ~(uint32_t{1} << channel);
    return wavelet;
}

// Phase 5. Ids take turns; those of high priority come first.
bool Pe::schedule() {
    pending.erase_if([&](const PendingActivation& p) {
        if (p.due > env->now) return false;
        active |= uint64_t{1} << p.id;
        return true;
    });
    if (input_flush | output_flush) check_flush(1);  // seen from the next cycle on
    if (!frames.empty() || busy(main_thread()) || main_ready > env->now) return false;
    if (has_handlers()) return run_next_handler(), true;
    discard_idle_controls();
    const uint64_t local = active & ~blocked;
    const uint64_t wavelets = runnable_channels();
    uint64_t runnable = local | wavelets;
    if (!runnable) return false;
    if (runnable & high_priority) runnable &= high_priority;
    const uint64_t later = next_id < 64 ? runnable & ~uint64_t{0} << next_id : 0;
    const int id = std::countr_zero(later ? later : runnable);
    next_id = (id + 1) % 64;
    if (local >> id & 1) {
        active &= ~(uint64_t{1} << id);
        if (program->local_task[static_cast<size_t>(id)] >= 0) {
            const Function& function = program->functions[program->tasks[static_cast<size_t>(program->local_task[static_cast<size_t>(id)])].function];
            start_task(id, function.name);
            call(function, none, false);
        } else if (id == env->machine.tasks.teardown) {
            collect_handlers();
        }
        return true;
    }
    dispatch_wavelet(id);
    return true;
}

void Pe::start_task(int id, const std::string& name) {
    running_task = id;
    task_name = &name;
    main_ready = env->now + static_cast<uint64_t>(env->machine.tasks.start);
    ++env->stats.tasks;
    for (const auto& observer : env->observers) observer->task_started(env->now, x, y, id, name);
}

// Parameters are cut from the wavelet, low bits first.
void Pe::dispatch_wavelet(int channel) {
    const Wavelet wavelet = take_wavelet(channel);
    const int task = wavelet.control ? program->control_task[static_cast<size_t>(control_task_of(wavelet))]
                                     : program->data_task[static_cast<size_t>(channel)];
    if (task < 0)
        throw Fault("control wavelet for task id " + std::to_string(control_task_of(wavelet)) + " on color " +
                    std::to_string(wavelet.color) + ", to which no control task is bound");
    const Function& function = program->functions[program->tasks[task].function];
    start_task(program->tasks[task].id, function.name);
    call(function, none, false);
    uint64_t rest = wavelet.control ? wavelet.data & 0xffff : wavelet.data;
    for (size_t i = 0; i < function.params.size(); ++i) {
        const int bits = 16 * words_of(function.params[i]);
        registers[static_cast<size_t>(frames.back().registers) + i] = ops::normalise(function.params[i], rest);
        rest = bits < 64 ? rest >> bits : 0;
    }
}

void Pe::end_task() {
    for (const auto& observer : env->observers) observer->task_ended(env->now, x, y);
    if (running_ticket) env->finished.push_back(running_ticket);
    running_ticket = 0;
    running_task = none;
    main_ready = env->now + static_cast<uint64_t>(env->machine.tasks.end);
}

// --------------------------------------------------------------------------------- teardown and queue flush

void Pe::start_teardown(int color) {
    if (!program) return;
    extras().teardown_pending |= uint32_t{1} << color;
    activate(env->machine.tasks.teardown, env->machine.fabric.ramp_in);
}

// What the teardown task does in programs that only register handlers: each color in teardown that has one, then
// each flushed queue.
void Pe::collect_handlers() {
    for (const auto& [color, function] : program->teardown_handlers) {
        if (!(extras().teardown_pending >> color & 1)) continue;
        extras().teardown_pending &= ~(uint32_t{1} << color);
        extras().handlers.push_back(function);
    }
    for (const auto& [queue, function] : program->empty_queue_handlers) {
        const uint32_t status = uint32_t{extras().output_flush_status} | uint32_t{extras().input_flush_status} << 16;
        if (status >> queue & 1) extras().handlers.push_back(function);
    }
}

void Pe::run_next_handler() {
    std::vector<int>& handlers = extras().handlers;
    const Function& function = program->functions[static_cast<size_t>(handlers.front())];
    handlers.erase(handlers.begin());
    start_task(env->machine.tasks.teardown, function.name);
    call(function, none, false);
}

// A queue whose flush has been asked for and that is empty activates the teardown task.
void Pe::check_flush(int delay) {
    const auto check = [&](uint16_t& wanted, uint16_t& status, auto empty) {
        for (int q = 0; q < 16; ++q) {
            if (!(wanted >> q & 1) || !empty(q)) continue;
            wanted &= static_cast<uint16_t>(~(1u << q));
            status |= static_cast<uint16_t>(1u << q);
            activate(env->machine.tasks.teardown, delay);
        }
    };
    check(output_flush, extras().output_flush_status,
          [&](int q) { return q < static_cast<int>(outputs.size()) && outputs[q].wavelets.empty(); });
    check(input_flush, extras().input_flush_status,
          [&](int q) { return channel_of_queue[q] < 0 || channels[channel_of_queue[q]].wavelets.empty(); });
}

void Pe::output_drained(int queue) {
    if (outputs[queue].wavelets.empty() && output_flush) check_flush();
}

// ------------------------------------------------------------------------------------------ the host's commands

bool Pe::host_may_command() const {
    if (!program || !frames.empty() || busy(main_thread()) || has_handlers() || main_ready > env->now) return false;
    if ((active & ~blocked) || runnable_channels()) return false;
    return program->command_task == none || !(blocked >> program->command_task & 1);
}

// The command stream stays closed until the program unblocks it.
void Pe::launch(int function, const std::vector<uint64_t>& arguments, uint32_t ticket) {
    const Function& f = program->functions[function];
    if (program->command_task != none) blocked |= uint64_t{1} << program->command_task;
    start_task(program->command_task, f.name);
    running_ticket = ticket;
    call(f, none, false);
    for (size_t i = 0; i < f.params.size() && i < arguments.size(); ++i) {
        registers[static_cast<size_t>(frames.back().registers) + i] = ops::normalise(f.params[i], arguments[i]);
    }
}

}  // namespace wafersim
