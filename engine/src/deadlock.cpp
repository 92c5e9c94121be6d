// What the user is told when nothing can move any more: who waits for what, and which wavelets are stuck.
#include <algorithm>

#include "wafersim/mesh.h"

namespace wafersim {

namespace {

Value text(std::string s) { return {std::move(s)}; }
Value number(uint64_t n) { return {static_cast<int64_t>(n)}; }

std::string source_line(const Program& program, int loc) {
    const Location& at = program.locations[static_cast<size_t>(loc)];
    if (static_cast<size_t>(at.file) >= program.files.size() || at.line == 0) return {};
    return " (" + program.files[static_cast<size_t>(at.file)] + ":" + std::to_string(at.line) + ")";
}

std::string stream_wait(const Pe& pe, const Stream& s) {
    const auto queue = "queue " + std::to_string(s.queue);
    if (s.kind == StreamKind::fabric_in) {
        const int color = pe.channels[static_cast<size_t>(s.number)].color;
        return "a wavelet of color " + std::to_string(color) + " in input " + queue;
    }
    if (s.kind == StreamKind::fabric_out) return "room in output " + queue + " (color " + std::to_string(s.color) + ")";
    const std::string& name = pe.program->fifos[static_cast<size_t>(s.number)].name;
    return (pe.fifo_has(s) ? "room in FIFO " : "an element in FIFO ") +
           (name.empty() ? std::to_string(s.number) : name);
}

std::string operation_wait(const Pe& pe, int thread) {
    const VecRun& run = pe.run_of(thread);
    const Plan plan = plan_by_now(run);
    std::string what =
        "@" + std::string(vec_rows[static_cast<size_t>(plan.op)].name) + source_line(*pe.program, pe.program->vecops[static_cast<size_t>(run.op)].loc) +
        (thread == pe.main_thread() ? " holds the main thread" : " on microthread " + std::to_string(thread)) +
        " after " + std::to_string(done_of(run)) + " elements, waits for ";
    if (pe.blocked_threads >> thread & 1) return what + "the microthread to be unblocked";
    for (int i = 0; i < plan.sources; ++i) {
        const Stream& s = plan.source[static_cast<size_t>(i)];
        if (s.kind == StreamKind::fifo ? !pe.fifo_has(s) : !pe.element_ready(s, 0)) return what + stream_wait(pe, s);
    }
    const bool room = plan.dst.kind == StreamKind::fifo ? pe.fifo_has_room(plan.dst) : pe.output_ready(plan.dst);
    return what + (room ? std::string("nothing") : stream_wait(pe, plan.dst));
}

std::string channel_wait(const Pe& pe, int channel) {
    const WaveletQueue& queue = pe.channels[static_cast<size_t>(channel)].wavelets;
    const bool control = queue.front().control;
    std::string what = std::to_string(queue.size()) + " wavelets of color " + std::to_string(queue.front().color) +
                       " wait at the PE: ";
    if (pe.blocked >> channel & 1)
        return what + (pe.program->data_task[static_cast<size_t>(channel)] >= 0
                           ? "data task " + std::to_string(channel) + " is blocked"
                           : std::string("no operation reads them"));
    if (control) return what + "control task " + std::to_string(control_task_of(queue.front())) + " is blocked";
    return what + "no data task is bound and no operation reads them";
}

}  // namespace

// One line for each thing that a PE waits for.
std::vector<std::string> Pe::waits_for() const {
    std::vector<std::string> reasons;
    if (!program) return reasons;
    each_bit(running, [&](int thread) { reasons.push_back(operation_wait(*this, thread)); });
    if (waits_for_thread != none && busy(waits_for_thread)) {
        reasons.push_back("the main thread waits for microthread " + std::to_string(waits_for_thread) +
                          source_line(*program, executed().loc));
    }
    if (!maps.empty() && maps.back().depth == frames.size())
        reasons.push_back("@map" + source_line(*program, executed().loc) + " waits for its operands");
    for (size_t id = 0; id < program->local_task.size(); ++id) {
        if (!(active & blocked & uint64_t{1} << id) || program->local_task[id] < 0) continue;
        reasons.push_back(
            "local task " + std::to_string(id) + " (" +
            program->functions[static_cast<size_t>(program->tasks[static_cast<size_t>(program->local_task[id])].function)].name +
            ") is active but blocked");
    }
    for (size_t c = 0; c < channels.size(); ++c)
        if (!channels[c].wavelets.empty()) reasons.push_back(channel_wait(*this, static_cast<int>(c)));
    if (!commands.empty() && program->command_task != none && (blocked >> program->command_task & 1)) {
        reasons.push_back("the host's next command waits for unblock_cmd_stream()");
    }
    return reasons;
}

// Groups of PEs that wait for the same things, the largest first; then the oldest wavelets in routers.
Value Mesh::deadlock() const {
    std::map<std::vector<std::string>, std::vector<const Pe*>> groups;
    for (const Pe& pe : pes_) {
        auto reasons = pe.waits_for();
        if (!reasons.empty()) groups[std::move(reasons)].push_back(&pe);
    }
    std::vector<std::pair<std::vector<std::string>, std::vector<const Pe*>>> sorted(groups.begin(), groups.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
    List waiting;
    for (const auto& [reasons, pes] : sorted) {
        List where;
        for (size_t i = 0; i < pes.size() && i < 8; ++i) {
            where.push_back({List{number(static_cast<uint64_t>(pes[i]->x)), number(static_cast<uint64_t>(pes[i]->y))}});
        }
        std::string reason;
        for (const std::string& line : reasons) reason += (reason.empty() ? "" : "; ") + line;
        waiting.push_back({Dict{{"count", number(pes.size())},
                                {"pes", {where}},
                                {"program", text(pes[0]->program->name)},
                                {"reason", text(reason)}}});
    }
    return {Dict{{"groups", {waiting}}, {"wavelets", {stuck_wavelets()}}}};
}

List Mesh::stuck_wavelets() const {
    struct Stuck {
        const Wavelet* wavelet;
        uint32_t router;
        Side side;
        bool teardown;
    };
    std::vector<Stuck> all;
    for (uint32_t i = 0; i < routers_.size(); ++i) {
        for (const ColorState& color : routers_[i].all()) {
            for (int side = 0; side < side_count; ++side) {
                const auto from = static_cast<Side>(side);
                if (!color.empty(from)) all.push_back({&color.front(from), i, from, color.teardown});
            }
        }
    }
    std::stable_sort(all.begin(), all.end(),
                     [&](const Stuck& a, const Stuck& b) { return a.wavelet->born_at(now_) < b.wavelet->born_at(now_); });
    if (all.size() > 10) all.resize(10);
    List result;
    for (const Stuck& s : all) {
        const Pe& pe = pes_[s.router];
        const ColorState& color = *routers_[s.router].find(s.wavelet->color);
        const Route route = color.route;
        std::string why = s.teardown                  ? "its color is in teardown"
                          : !(route.rx >> s.side & 1) ? "the present switch position does not accept this side"
                                                      : "an output has no room";
        result.push_back({Dict{{"x", number(static_cast<uint64_t>(pe.x))},
                               {"y", number(static_cast<uint64_t>(pe.y))},
                               {"color", number(s.wavelet->color)},
                               {"side", number(uint64_t{1} << s.side)},
                               {"data", number(s.wavelet->data)},
                               {"control", number(s.wavelet->control)},
                               {"age", number(now_ - s.wavelet->born_at(now_))},
                               {"position", number(static_cast<uint64_t>(color.position))},
                               {"why", text(why)}}});
    }
    return result;
}

// ---------------------------------------------------------------------------------------- state and counters

Value Pe::describe() const {
    Dict d{{"x", number(static_cast<uint64_t>(x))}, {"y", number(static_cast<uint64_t>(y))}};
    List colors;
    for (const ColorState& color : std::as_const(router).all()) {
        colors.push_back({Dict{{"color", number(static_cast<uint64_t>(color.color))},
                               {"position", number(static_cast<uint64_t>(color.position))},
                               {"rx", number(color.route.rx)},
                               {"tx", number(color.route.tx)},
                               {"waiting", number(static_cast<uint64_t>(color.waiting))},
                               {"teardown", number(color.teardown)}}});
    }
    d["colors"] = {colors};
    if (!program) return {d};
    d["program"] = text(program->name);
    d["task"] = text(frames.empty() ? "" : *task_name);
    d["active"] = number(active);
    d["blocked"] = number(blocked);
    d["main_cycles"] = number(main_cycles);
    d["thread_cycles"] = number(thread_cycles);
    List inputs, outs, threads, fifo_list;
    for (size_t c = 0; c < channels.size(); ++c) {
        const Channel& channel = channels[c];
        inputs.push_back({Dict{{"channel", number(c)},
                               {"color", {static_cast<int64_t>(channel.color)}},
                               {"size", number(static_cast<uint64_t>(channel.wavelets.size()))},
                               {"most", number(static_cast<uint64_t>(channel.wavelets.most()))}}});
    }
    for (const OutputQueue& queue : outputs) {
        outs.push_back({Dict{{"color", {static_cast<int64_t>(queue.color)}},
                             {"size", number(static_cast<uint64_t>(queue.wavelets.size()))},
                             {"most", number(static_cast<uint64_t>(queue.wavelets.most()))}}});
    }
    each_bit(running, [&](int thread) { threads.push_back(text(operation_wait(*this, thread))); });
    for (const FifoState& fifo : fifos) fifo_list.push_back(number(fifo.count));
    d["inputs"] = {inputs};
    d["outputs"] = {outs};
    d["operations"] = {threads};
    d["fifos"] = {fifo_list};
    return {d};
}

// What routers and PEs take beside the memory of the PEs.
size_t Mesh::state_bytes() const {
    size_t bytes = routers_.size() * sizeof(Router) + wake_.size() * sizeof(wake_[0]);
    bytes += arenas_.bytes();
    for (const Pe& pe : pes_) bytes += pe.state_bytes();
    return bytes;
}

Value Mesh::stats() const {
    Stats s;
    for (const auto& region : regions_) s.add(region->environment().stats);
    uint64_t input = 0, output = 0, kept = 0;
    for (const Pe& pe : pes_) {
        for (const Channel& channel : pe.channels)
            input = std::max(input, static_cast<uint64_t>(channel.wavelets.most()));
        for (const OutputQueue& queue : pe.outputs)
            output = std::max(output, static_cast<uint64_t>(queue.wavelets.most()));
    }
    for (const auto& [key, sink] : sinks_) kept += sink.wavelets.size();
    uint64_t busy = 0;
    for (uint32_t i = 0; i < pes_.size(); ++i) busy += first_region().awake(i);
    return {Dict{{"cycles", number(now_)},
                 {"instructions", number(s.instructions)},
                 {"vector_operations", number(s.vector_operations)},
                 {"vector_elements", number(s.vector_elements)},
                 {"wavelet_moves", number(s.wavelet_moves)},
                 {"tasks", number(s.tasks)},
                 {"active_pes", number(busy)},
                 {"active_pe_cycles", number(s.pe_cycles)},
                 {"filtered_wavelets", number(s.filtered)},
                 {"dropped_controls", number(s.dropped_controls)},
                 {"highest_input_queue", number(input)},
                 {"highest_output_queue", number(output)},
                 {"unclaimed_wavelets", number(kept)}}};
}

}  // namespace wafersim
