// A region of the fast engine: the same machine as `Region`, event by event instead of cycle by cycle.
//
// State and rules are those of the reference engine; what differs is who is visited when. A PE sleeps until a known
// cycle or a wavelet wakes it, runs ahead where nobody can notice (solo.h), and gets all phases of a cycle in one visit.
#pragma once

#include <exception>
#include <optional>

#include "border.h"
#include "wafersim/region.h"
#include "wheel.h"

namespace wafersim::fast {

// What a call of `run` asks for.
struct Call {
    uint64_t end = 0;               // its last cycle is before this one
    bool awaits = false;            // it ends when its tickets are done
    std::vector<uint8_t> awaited;   // by ticket: it ends only after this one
};

class FastRegion final : public Region {
public:
    FastRegion(const Wafer& wafer, uint32_t first, uint32_t last, const Call& call);
    // After PEs and routers have been made. `above` and `below`: the regions beyond the borders, if any.
    void start(FastRegion* above, FastRegion* below);

    // A cycle: what came over the borders in the one before, then the phases. Faults are kept for `fault`; everybody else goes on to the end of the cycle, so that what they
    // did does not depend on the number of regions.
    void work(uint64_t cycle) noexcept;
    const std::exception_ptr& failure() const { return failure_; }  // of `work` itself, not of a PE
    void work_routers(uint64_t cycle);
    void work_pes();
    bool due_next_cycle() const { return next_cycle_; }
    size_t visits() const { return visits_; }  // of PEs and routers in this cycle
    uint64_t next_wake();           // first later cycle at which a PE is due

    void wake(uint32_t pe, uint64_t cycle) override;
    bool awake(uint32_t pe) const override { return wake_[pe] != never; }
    void read_mail();               // of the last cycle
    void turn();                    // what is written from now on is mail of another cycle
    void settle(uint64_t now);      // a call ends before cycle `now`

private:
    void sleep_until(uint32_t pe, uint64_t cycle);
    void rest(uint32_t pe, uint64_t cycle);
    void visit_routers();
    void visit_ramps();
    void visit_pes();
    void visit_all();
    void take_due();
    void prefetch_state(uint32_t far, uint32_t near, uint32_t next) const;
    void visit(uint32_t pe);
    uint64_t horizon(const Pe& pe) const;
    template <class F>
    void guard(Phase phase, uint32_t number, F f);

    // ------------------------------------------------------------- router.cpp
    using Targets = std::array<ColorState*, side_count>;  // by output: where the wavelet goes in the next router
    void find_edges();
    void visit_router(uint32_t router);
    bool moves(uint32_t number, Router& router, ColorState& color, uint8_t slot, uint8_t& taken);
    bool move_plain(uint32_t number, Router& router, ColorState& color, Side side, uint8_t& taken);
    ColorState* target_of(uint32_t number, Side out, const Wavelet& wavelet);
    bool move_message(uint32_t router, uint8_t slot, uint8_t& taken);
    bool move_color(uint32_t router, ColorState& color, uint8_t slot, uint8_t& taken);
    bool find_room(uint32_t router, uint8_t outputs, const Wavelet& wavelet, Targets& targets);
    void carry(uint32_t router, const Move& move, Route route, const Targets& targets);
    void pass_on(uint32_t router, Side out, ColorState& target, Wavelet wavelet);
    void visit_ramp(uint32_t pe);
    bool send(uint32_t number, Pe& pe, int queue);
    uint8_t edges(uint32_t router) const { return edges_[router - first_]; }

    // Borders are those of the first and of the last row.
    Border* border_at(uint32_t router, Side side) {
        std::optional<Border>& border = side == side_north ? north_ : south_;
        return (side == side_north || side == side_south) && border && border->has(router) ? &*border : nullptr;
    }
    bool takes(uint32_t next, uint32_t router, Side out, const Wavelet& wavelet) override;
    void hand_over(uint32_t next, uint32_t router, Side out, Wavelet wavelet) override;
    void taken(uint32_t router, Side from, int color) override;
    void read_mail(Border& ours, Border& theirs, Side side);
    void tell_routes();

    const Call& call_;
    std::optional<Border> north_, south_;
    FastRegion* above_ = nullptr;
    FastRegion* below_ = nullptr;
    std::vector<uint8_t> edges_;             // by router: outputs that lead out of the region
    std::array<int, side_count> offset_{};  // by output: from a router's number to its neighbour's
    TimeWheel wheel_;
    ActiveSet due_;                // PEs to visit in this cycle, in the order of their numbers
    std::vector<uint32_t> queue_;  // of those who are being visited
    std::vector<uint32_t> later_;  // those of them who come in a second pass
    size_t visits_ = 0;
    bool plain_links_ = false;     // a link takes a wavelet each cycle, and nobody watches
    std::exception_ptr failure_;
    bool next_cycle_ = false;      // somebody is due in the next cycle: it is in `due_` already
};

}  // namespace wafersim::fast
