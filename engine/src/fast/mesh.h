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

    bool tick();
    void visit(uint32_t pe);
    uint64_t horizon(const Pe& pe) const;
    void settle_pending();

    TimeWheel wheel_;
    ActiveSet due_;              // PEs to visit in this cycle, in the order of their numbers
    uint64_t end_ = 0;           // of this call of `run`
    std::vector<uint8_t> awaited_;  // by ticket: this call of `run` ends only after it
    bool awaits_ = false;
};

}  // namespace wafersim::fast
