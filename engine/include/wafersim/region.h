// The region of the wafer that runs the program: what is busy there, and the functions that let PEs and routers work. The
// clock, counters and lists are those of whoever is at work: the reference engine has one, the fast engine one a thread.
//
// Only what may have something to do is visited: `ActiveSet` remembers PEs and routers and gives them in the order of
// their numbers, so that the result does not depend on the order in which they became active.
#pragma once

#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "pe.h"
#include "ticket.h"

namespace wafersim {

class ActiveSet {
public:
    explicit ActiveSet(size_t size) : words_((size + 63) / 64) {}
    void add(uint32_t i) { words_[i / 64] |= uint64_t{1} << i % 64; }
    void remove(uint32_t i) { words_[i / 64] &= ~(uint64_t{1} << i % 64); }
    bool contains(uint32_t i) const { return words_[i / 64] >> i % 64 & 1; }

    // Calls f for each member in order; f may remove the one it is given.
    template <class F>
    void each(F f) const {
        for (size_t w = 0; w < words_.size(); ++w)
            each_bit(words_[w], [&](int bit) { f(static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(bit)); });
    }

private:
    std::vector<uint64_t> words_;
};

inline constexpr int log_refresh = 29;  // cycles after which old times are brought forward, as a power of two

// What all regions work on.
struct Wafer {
    const Image& image;
    const Machine& machine;
    std::span<Router> routers;
    std::span<Pe> pes;
    std::span<uint64_t> wake;        // by PE: first cycle at which to look at it again
    std::vector<Ticket>& tickets;
    const Arenas& arenas;
};

// Faults in the order in which they are noticed: of cycles, of phases, then of numbers.
enum class Phase : uint8_t { host, routers, ramps, threads, tasks };
struct FaultFound {
    Phase phase{};
    uint32_t number = 0;  // of the PE or router
    FaultReport report;
    bool before(const FaultFound& other) const {
        return std::tie(report.cycle, phase, number) < std::tie(other.report.cycle, other.phase, other.number);
    }
};

// A wavelet that has left the fabric, to the host or over the edge.
struct Left {
    uint64_t cycle;
    uint32_t router;
    Side side;
    Wavelet wavelet;
};

class Region {
public:
    explicit Region(const Wafer& wafer);
    Region(const Region&) = delete;
    virtual ~Region() = default;

    Environment& environment() { return env_; }
    const Environment& environment() const { return env_; }
    bool progress() const { return progress_; }           // something advanced in this cycle
    uint64_t next_event() const { return next_event_; }   // earliest later cycle at which something could
    std::vector<Left>& left() { return left_; }
    const std::optional<FaultFound>& fault() const { return fault_; }

    // A cycle begins, phases of the reference engine follow each other. Faults are thrown; `note` keeps them.
    void begin(uint64_t cycle);
    void router_phase();
    void ramp_phase();
    void pe_phase();
    void task_phase();
    void note(const std::exception& error);

    // A wavelet of the host enters.
    virtual void enter(uint32_t router, ColorState& color, Side side, const Wavelet& wavelet);
    virtual void wake(uint32_t pe, uint64_t cycle);
    virtual bool awake(uint32_t pe) const { return busy_pes_.contains(pe); }

protected:
    // A wavelet that a router will move this cycle.
    struct Move {
        uint32_t router;
        uint8_t slot;
        Side from;
        uint8_t to;  // mask of outputs that get it
    };
    // ------------------------------------------------------------- fabric.cpp
    void decide(uint32_t router);
    bool decide_color(uint32_t router, uint8_t slot, uint8_t& taken);
    bool has_room(uint32_t router, Side out, const Wavelet& wavelet);
    bool filtered(uint32_t router, const ColorState& color, const Wavelet& wavelet) const;
    bool takes(uint32_t next, Side out, const Wavelet& wavelet);  // the next router has room
    // Only links that a wavelet takes for several cycles are remembered.
    bool link_taken(uint32_t router, Side out) {
        if (link_free_.empty() || link_free_[router][out] <= env_.now) return false;
        next_event_ = std::min(next_event_, link_free_[router][out]);
        return true;
    }
    void take_link(uint32_t router, Side out) {
        if (!link_free_.empty())
            link_free_[router][out] = env_.now + static_cast<uint64_t>(machine_.fabric.link_period);
    }
    void carry_out(const Move& move);
    void deliver(uint32_t router, Side out, Wavelet wavelet);
    void take_from_pe(uint32_t pe);
    bool decide_message(uint32_t router, uint8_t slot, uint8_t& taken);  // messages.cpp
    void pass_message(const Move& move, const ColorState& color, Wavelet wavelet);
    void leave(uint32_t router, Side side, const Wavelet& wavelet);
    void command(uint32_t pe);                                           // host.cpp
    void note(Phase phase, uint32_t number, const std::exception& error);
    void bring_times_forward(uint64_t before, uint64_t cycle);

    const Image& image_;
    const Machine& machine_;
    const std::span<Router> routers_;
    const std::span<Pe> pes_;
    const std::span<uint64_t> wake_;
    std::vector<Ticket>& tickets_;
    const Arenas& arenas_;

    Environment env_;
    ActiveSet busy_routers_, busy_ramps_, busy_pes_;
    std::vector<Move> moves_;
    bool progress_ = false;
    uint64_t last_cycle_ = 0;
    std::vector<std::array<uint64_t, side_count>> link_free_;  // by router: first cycle at which an output is free
    uint64_t next_event_ = never;
    std::vector<Left> left_;            // in this cycle
    Phase phase_{};                     // of the cycle
    uint32_t guarded_ = 0;              // the PE or router at work, for faults
    std::optional<FaultFound> fault_;   // the first of the cycle
};

// fabric.cpp: the router on a side, if there is one, and the color that a wavelet arrives with there.
std::optional<uint32_t> neighbour(const Image& image, uint32_t router, Side side);
int arriving_color(const Router& router, Side side, int color, uint64_t now);
[[noreturn]] void no_route(const Image& image, Side out, uint32_t next, int color);

}  // namespace wafersim
