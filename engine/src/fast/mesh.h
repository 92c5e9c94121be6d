// The fast engine: regions that are event-driven (region.h), and the clock that they share.
//
// Several threads work on the regions of a cycle and meet after it; where little is going on, one thread does all.
// Neither the number of regions nor who works on them has an influence on the result (docs/decisions/D12-threads.md).
#pragma once

#include <memory>
#include <optional>

#include "pace.h"
#include "region.h"
#include "team.h"
#include "wafersim/mesh.h"

namespace wafersim::fast {

struct Threads {
    int threads = 0;    // 0: as many as are worth it
    int regions = 0;    // 0: one for each thread
    bool eager = false; // all threads work in each cycle, however little there is to do
};

class FastMesh final : public Mesh {
public:
    FastMesh(Image image, const Settings& settings, Threads threads);
    ~FastMesh() override;
    RunResult run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) override;

private:
    FastMesh(Image image, const Settings& settings, Threads threads, std::unique_ptr<Call> call);
    void go();
    void work_alone();
    void work_together();
    bool open_cycle();
    void close_cycle();
    uint64_t next_cycle();
    void choose_mode();
    bool is_watched() const { return !regions_.front()->environment().observers.empty(); }
    FastRegion& region(size_t n) const { return static_cast<FastRegion&>(*regions_[n]); }
    template <class F>
    void each_region(F f) const {
        for (size_t n = 0; n < regions_.size(); ++n) f(region(n));
    }
    template <class F>
    void each_region_of(int thread, F f) const {
        const size_t count = regions_.size(), all = static_cast<size_t>(threads_.threads), t = static_cast<size_t>(thread);
        for (size_t n = count * t / all; n < count * (t + 1) / all; ++n) f(region(n));
    }

    Threads threads_;
    std::unique_ptr<Call> call_;
    std::vector<uint32_t> tickets_of_call_;
    std::optional<RunResult> result_;   // the call ends with it
    std::exception_ptr error_;          // it ends with that, whatever the result
    std::unique_ptr<Team> team_;        // from the first time that it is worth it
    int process_ = 0;                   // in which it was made
    bool together_ = false;             // the next cycle is one for all threads
    Pace pace_;
};

}  // namespace wafersim::fast
