// Whether all threads should work on the next cycle, or one. Results are the same either way, so the clock on the wall may
// decide: where other processes want the cores too, threads that wait for each other can be slower than one.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace wafersim::fast {

class Pace {
public:
    // Between these the mesh is at work.
    void resume() { start_ = Clock::now(); }
    void pause() { elapsed_ += seconds_since_start(); }

    // After a cycle with so many visits of PEs and routers, `most` of them by one thread.
    bool choose(uint64_t visits, uint64_t most);

private:
    using Clock = std::chrono::steady_clock;
    double seconds_since_start() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
    void begin_stint();
    void end_stint();

    bool together_ = false;
    uint64_t saved_ = 0;                        // visits a cycle that one thread is spared, average of the last ones in eighths
    uint64_t visits_ = 0;                       // in this stint
    double elapsed_ = 0;                        // seconds of this stint before `start_`
    Clock::time_point start_;
    int stints_ = 0, stints_to_trial_ = 0;      // since the last trial of the other mode, and up to the next
    std::array<double, 2> seconds_a_visit_{};   // by mode, in its last stint; 0 before
};

}  // namespace wafersim::fast
