// One thread of the fast engine: the same machine as `Region`, event by event instead of cycle by cycle.
//
// State and rules are those of the reference engine; what differs is who is visited when. A PE sleeps until a known
// cycle or a wavelet wakes it, runs ahead where nobody can notice (solo.h), and gets all phases of a cycle in one visit.
#pragma once

#include <exception>

#include "agenda.h"
#include "wafersim/region.h"
#include "window.h"

namespace wafersim::fast {

// What a call of `run` asks for.
struct Call {
    uint64_t end = 0;               // its last cycle is before this one
    bool awaits = false;            // it ends when its tickets are done
    std::vector<uint8_t> awaited;   // by ticket: it ends only after this one
};

class FastRegion final : public Region {
public:
    FastRegion(const Wafer& wafer, const Call& call, Agenda& agenda);

    // One block of a window. Faults are kept for `fault`: everybody else goes on to the end of the window, so that what they
    // did does not depend on who works where.
    void work(Window& window, int block_row, int block_column) noexcept;
    void work_watched(uint64_t cycle);  // all PEs, phase by phase: observers see events in the order of the reference engine
    const std::exception_ptr& failure() const { return failure_; }  // of `work` itself, not of a PE

    // Since `start`: the cycle after the last one in which something moved, the last one that had been waited for, and visits.
    void start(uint64_t cycle);
    uint64_t moved() const { return moved_; }
    uint64_t waited_for() const { return waited_for_; }
    size_t visits() const { return visits_; }
    // The first later cycle at which something may happen, where nothing has moved in the last one.
    uint64_t next_event_of_all();
    // Some PE of the block has a command that the call waits for and has not completed it.
    bool keeps_call_open(const Window& window) const;

    void wake(uint32_t pe, uint64_t cycle) override;
    bool awake(uint32_t pe) const override { return wake_[pe] != never; }
    void enter(uint32_t router, ColorState& color, Side side, const Wavelet& wavelet) override;
    void resume();                  // a call begins: the host may have woken PEs
    void settle(uint64_t now);      // a call ends before cycle `now`

private:
    void begin_queue(size_t most);
    void collect(uint32_t from, uint32_t to);
    void work_queue();
    void ask_for_wavelets(uint32_t number) const;
    void ask_for_state(uint32_t far, uint32_t near, uint32_t next) const;
    void close_cycle();
    void visit(uint32_t pe);
    void visit_pe(uint32_t pe);
    void look_again(uint32_t pe);
    uint64_t horizon(const Pe& pe) const;
    bool awaits_completion(const Pe& pe) const;
    template <class F>
    void guard(Phase phase, uint32_t number, F f);

    // ------------------------------------------------------------- router.cpp
    using Targets = std::array<ColorState*, side_count>;  // by output: where the wavelet goes in the next router
    void find_edges();
    void visit_router(uint32_t router);
    void visit_router_watched(uint32_t router);
    // `stays`: it waits for others, and tries again in the next cycle; `waits`: nothing changes before its time, or before its PE acts.
    enum class Attempt { stays, waits, moves, is_not_plain };
    Attempt move_plain(uint32_t number, Router& router, ColorState& color, uint32_t mark, unsigned closed, unsigned& taken,
                       uint64_t now);
    void release(uint32_t number, uint32_t held);
    static Attempt look_at(ColorState& target, Side side, uint64_t now);
    static WaveletQueue* room_at(Pe& pe, int8_t color);
    void add_ring(uint32_t number, ColorState& color, Side side);
    static Attempt served(Router& router, ColorState& color, uint32_t mark);
    Attempt move_any(uint32_t number, ColorState& color, uint32_t mark, unsigned& taken);
    ColorState* target_of(uint32_t number, Side out, const Wavelet& wavelet);
    Attempt move_message(uint32_t router, uint8_t slot, uint8_t& taken);
    Attempt move_color(uint32_t router, ColorState& color, uint8_t slot, uint8_t& taken);
    bool find_room(uint32_t router, uint8_t outputs, const Wavelet& wavelet, Targets& targets);
    void carry(uint32_t router, const Move& move, Route route, const Targets& targets);
    void pass_on(uint32_t router, Side out, ColorState& target, Wavelet wavelet);
    void visit_ramp(uint32_t pe);
    bool send(uint32_t number, Pe& pe, int queue);
    void send_in_turn(uint32_t number, Pe& pe);
    const Call& call_;
    Agenda& agenda_;
    std::array<int, side_count> offset_{};  // by output: from a router's number to its neighbour's
    uint64_t hop_, ramp_in_, ramp_out_, link_period_;  // of machine_.fabric
    std::vector<uint32_t> queue_;           // those who are visited in this cycle: the first `queued_`
    size_t queued_ = 0;
    bool plain_links_ = false;              // a link takes a wavelet each cycle, and nobody watches
    bool event_ = false;                    // in this cycle somebody was due who had a time of its own
    uint64_t moved_ = 0, waited_for_ = 0;
    size_t visits_ = 0;
    std::exception_ptr failure_;
};

}  // namespace wafersim::fast
