// The fast engine: the clock, and the threads that share its windows.
//
// Where little is going on it goes cycle by cycle; else blocks of PEs advance many cycles each (window.h), and threads work
// on rows of blocks, each a block behind the row above. Neither windows nor threads have an influence on
// the result (docs/decisions/D12-threads.md).
#pragma once

#include <atomic>
#include <memory>

#include "region.h"
#include "team.h"
#include "wafersim/mesh.h"

namespace wafersim::fast {

struct Threads {
    int threads = 0;    // 0: as many as are worth it
    BlockShape block;   // 0: what suits the host's caches
    bool eager = false; // windows and threads wherever they are possible, however little there is to do
};

class FastMesh final : public Mesh {
public:
    FastMesh(Image image, const Settings& settings, Threads threads);
    ~FastMesh() override;
    RunResult run(uint64_t max_cycles, const std::vector<uint32_t>& tickets) override;

private:
    struct Shared {     // by the regions
        explicit Shared(size_t pes) : agenda(pes) {}
        Call call;
        Agenda agenda;
    };
    FastMesh(Image image, const Settings& settings, Threads threads, std::unique_ptr<Shared> shared);
    void begin_call(uint64_t max_cycles, const std::vector<uint32_t>& tickets);
    RunResult advance(const std::vector<uint32_t>& tickets);
    Window next_window() const;
    int cycles_of_window() const;
    void work(Window& window);
    void work_rows(int thread, Window& window);
    bool go_on(const Window& window);
    bool is_watched() const { return !first_region().environment().observers.empty(); }
    FastRegion& region(size_t n) const { return static_cast<FastRegion&>(*regions_[n]); }

    Threads threads_;
    std::unique_ptr<Shared> shared_;
    uint64_t visits_ = 0;               // a cycle of the last window
    std::unique_ptr<Team> team_;        // from the first time that it is worth it
    int process_ = 0;                   // in which it was made
    std::atomic<int> next_row_{0};      // of blocks, that nobody works on yet
    std::vector<std::atomic<int>> blocks_done_;  // by row of blocks
};

}  // namespace wafersim::fast
