// The fast engine: regions that are event-driven (region.h), and the clock that they share.
#pragma once

#include "region.h"
#include "wafersim/mesh.h"

namespace wafersim::fast {

class FastMesh final : public Mesh {
public:
    FastMesh(Image image, const Settings& settings);
    RunResult run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) override;

private:
    FastMesh(Image image, const Settings& settings, std::unique_ptr<Call> call);
    RunResult go(const std::vector<uint32_t>& tickets);
    uint64_t next_cycle();
    void tick();
    template <class F>
    void each_region(F f) {
        for (const auto& region : regions_) f(static_cast<FastRegion&>(*region));
    }

    std::unique_ptr<Call> call_;
};

}  // namespace wafersim::fast
