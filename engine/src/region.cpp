// A region's part of a cycle, phase by phase. Everything it calls is in fabric.cpp, host.cpp and the files of Pe.
#include "wafersim/region.h"

#include <algorithm>

namespace wafersim {

Region::Region(const Wafer& wafer)
    : image_(wafer.image),
      machine_(wafer.machine),
      routers_(wafer.routers),
      pes_(wafer.pes),
      wake_(wafer.wake),
      tickets_(wafer.tickets),
      arenas_(wafer.arenas),
      env_(wafer.machine, wafer.image),
      busy_routers_(image_.tiles.size()),
      busy_ramps_(image_.tiles.size()),
      busy_pes_(image_.tiles.size()) {
    if (machine_.fabric.link_period > 1) link_free_.resize(image_.tiles.size());
    for (uint32_t i = 0; i < image_.tiles.size(); ++i)
        if (image_.tiles[i].program != none) busy_pes_.add(i);
}

// Times of wavelets are low bits of a cycle: those that wait for very long get later ones.
void Region::bring_times_forward(uint64_t before, uint64_t cycle) {
    const auto bring_forward = [&](Wavelet& w) {
        w.set_ready(std::max(w.ready_at(before), cycle));
        w.born = static_cast<uint32_t>(std::max(w.born_at(before), cycle - (uint64_t{1} << log_refresh)));
    };
    const auto all_of = [&](WaveletQueue& queue) {
        for (int i = 0; i < queue.size(); ++i) bring_forward(queue.at(i));
    };
    for (size_t n = 0; n < routers_.size(); ++n) {
        routers_[n].restart_services();
        for (ColorState& color : routers_[n].all()) {
            color.forget_times();
            for (int side = 0; side < side_count; ++side)
                for (int i = 0; i < color.size(static_cast<Side>(side)); ++i)
                    bring_forward(color.at(static_cast<Side>(side), i));
        }
        for (Channel& channel : pes_[n].channels) all_of(channel.wavelets);
        for (OutputQueue& output : pes_[n].outputs) all_of(output.wavelets);
    }
}

void Region::begin(uint64_t cycle) {
    if ((cycle ^ last_cycle_) >> log_refresh) bring_times_forward(last_cycle_, cycle);
    last_cycle_ = cycle;
    env_.now = cycle;
    progress_ = false;
    next_event_ = never;
}

// Routers decide from the state at the start of the cycle, then all moves are carried out.
void Region::router_phase() {
    phase_ = Phase::routers;
    moves_.clear();
    busy_routers_.each([&](uint32_t i) { decide(guarded_ = i); });
    for (const Move& move : moves_) {
        guarded_ = move.router;
        carry_out(move);
    }
}

// One wavelet of each PE goes up its ramp.
void Region::ramp_phase() {
    phase_ = Phase::ramps;
    busy_ramps_.each([&](uint32_t i) { take_from_pe(guarded_ = i); });
}

// Main thread and microthreads advance.
void Region::pe_phase() {
    phase_ = Phase::threads;
    busy_pes_.each([&](uint32_t i) {
        if (wake_[i] > env_.now) return;
        guarded_ = i;
        if (pes_[i].step()) progress_ = true;
    });
}

// Activations become visible, schedulers pick, the host's commands are taken, PEs say when to look again.
void Region::task_phase() {
    phase_ = Phase::tasks;
    busy_pes_.each([&](uint32_t i) {
        if (wake_[i] > env_.now) {
            next_event_ = std::min(next_event_, wake_[i]);
            return;
        }
        guarded_ = i;
        Pe& pe = pes_[i];
        if (pe.schedule()) progress_ = true;
        else if (!pe.commands.empty() && pe.command_due <= env_.now && pe.host_may_command()) command(i);
        if (pe.sending) busy_ramps_.add(i);
        if (routers_[i].waiting_slots) busy_routers_.add(i);  // a register may have changed its routes
        wake_[i] = pe.next_wake();
        if (wake_[i] == never) busy_pes_.remove(i);
        else next_event_ = std::min(next_event_, wake_[i]);
    });
}

void Region::enter(uint32_t router, ColorState& color, Side side, const Wavelet& wavelet) {
    routers_[router].push(color, side, arenas_, router) = wavelet;
    busy_routers_.add(router);
}

void Region::wake(uint32_t pe, uint64_t cycle) {
    if (!pes_[pe].alive()) return;
    if (!busy_pes_.contains(pe)) {
        busy_pes_.add(pe);
        wake_[pe] = cycle;
    }
    wake_[pe] = std::min(wake_[pe], cycle);
}

// Keeps the first fault of the cycle. A router's fault is no fault of the PE's program.
void Region::note(Phase phase, uint32_t number, const std::exception& error) {
    const Pe& pe = pes_[number];
    const bool in_pe = phase >= Phase::threads && pe.program;
    FaultFound found{phase, number, {pe.x, pe.y, env_.now, error.what(), {}, {}, {}, 0, 0}};
    if (in_pe) found.report = pe.report(error.what());
    if (!fault_ || found.before(*fault_)) fault_ = std::move(found);
}

void Region::note(const std::exception& error) { note(phase_, guarded_, error); }

}  // namespace wafersim
