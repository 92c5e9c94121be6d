// The fast engine: the same machine as `Mesh`, event by event instead of cycle by cycle.
//
// State and rules are those of the reference engine; what differs is who is visited when. A PE sleeps until a known
// cycle or a wavelet wakes it, runs ahead where nobody can notice (solo.h), and gets all phases of a cycle in one visit.
#pragma once

#include "wafersim/mesh.h"
#include "wheel.h"

namespace wafersim::fast {

class FastMesh final : public Mesh {
public:
    FastMesh(Image image, const Settings& settings);
    RunResult run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) override;

private:
    void wake(uint32_t pe, uint64_t cycle) override;
    bool awake(uint32_t pe) const override { return wake_[pe] != never; }
    void sleep_until(uint32_t pe, uint64_t cycle);
    void rest(uint32_t pe, uint64_t cycle);

    bool tick();
    void visit_routers();
    void visit_ramps();
    void visit_pes();
    void visit(uint32_t pe);
    void prefer_fault_of_a_thread();
    uint64_t horizon(const Pe& pe) const;
    void settle_pending();

    // ------------------------------------------------------------- router.cpp
    using Targets = std::array<ColorState*, side_count>;  // by output: where the wavelet goes in the next router
    void find_edges();
    void visit_router(uint32_t router);
    bool move_message(uint32_t router, uint8_t slot, uint8_t& taken);
    bool move_color(uint32_t router, ColorState& color, uint8_t slot, uint8_t& taken);
    bool find_room(uint32_t router, uint8_t outputs, const Wavelet& wavelet, Targets& targets);
    void carry(uint32_t router, const Move& move, Route route, const Targets& targets);
    void pass_on(uint32_t router, Side out, ColorState& target, Wavelet wavelet);
    void visit_ramp(uint32_t pe);
    bool send(uint32_t number, Pe& pe, int queue);

    std::vector<uint8_t> edges_;
    std::array<int, side_count> offset_{};  // by output: from a router's number to its neighbour's
    TimeWheel wheel_;
    ActiveSet due_;              // PEs to visit in this cycle, in the order of their numbers
    std::vector<uint32_t> queue_;  // of those who are being visited
    size_t visited_ = 0;           // place in the queue
    bool in_threads_ = false;      // main thread and microthreads of the visited PE are at work, not its scheduler
    bool next_cycle_ = false;    // somebody is due in the next cycle: it is in `due_` already
    uint64_t end_ = 0;           // of this call of `run`
    std::vector<uint8_t> awaited_;  // by ticket: this call of `run` ends only after it
    bool awaits_ = false;
};

}  // namespace wafersim::fast
