// Whether all threads should work on the next cycle, or one. Results are the same either way, so the clock on the wall may
// decide: where other processes want the cores too, threads that wait for each other can be slower than one.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace wafersim::fast {

// Which of two modes is faster, from what their stints cost. Now and then the slower one is tried again: the more often
// that fails, the less.
class Trials {
public:
    bool together() const { return together_; }
    // The last stint, in the present mode, took so many seconds a visit.
    void measured(double seconds);

private:
    static constexpr int least_stints = 16, most_stints = 256;  // up to the next trial
    static constexpr double memory = 4;   // stints that a mode is judged by: one may have been disturbed
    void change() { together_ = !together_; }

    bool together_ = false;
    bool on_trial_ = false;
    int stints_ = 0;                      // in this mode
    int stints_to_trial_ = least_stints;
    std::array<double, 2> seconds_{};     // a visit, by mode, in its last stints; 0 before
};

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

    Trials trials_;
    bool in_stint_ = false;
    uint64_t saved_ = 0;                  // visits a cycle that one thread is spared, average of the last ones in eighths
    uint64_t visits_ = 0;                 // in this stint
    double elapsed_ = 0;                  // seconds of this stint before `start_`
    Clock::time_point start_;
};

}  // namespace wafersim::fast
