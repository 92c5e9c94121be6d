// A band of rows of the wafer: what is busy there, and the functions that let it work. Each region has its own clock,
// counters and lists, so that regions can work at the same time; the reference engine has a single one.
//
// Only what may have something to do is visited: `ActiveSet` remembers PEs and routers and gives them in the order of
// their numbers, so that the result does not depend on the order in which they became active.
#pragma once

#include <optional>
#include <vector>

#include "pe.h"
#include "ticket.h"

namespace wafersim {

// Members have numbers from `first` on. Words without members are passed over, 64 at a time.
class ActiveSet {
public:
    ActiveSet(uint32_t first, size_t size)
        : first_(first), words_((size + 63) / 64), filled_((words_.size() + 63) / 64) {}
    void add(uint32_t i) {
        const uint32_t n = i - first_;
        words_[n / 64] |= uint64_t{1} << n % 64;
        filled_[n / 4096] |= uint64_t{1} << n / 64 % 64;
    }
    void remove(uint32_t i) {
        const uint32_t n = i - first_;
        if ((words_[n / 64] &= ~(uint64_t{1} << n % 64)) == 0) filled_[n / 4096] &= ~(uint64_t{1} << n / 64 % 64);
    }
    bool contains(uint32_t i) const { return words_[(i - first_) / 64] >> (i - first_) % 64 & 1; }

    // Calls f for each member in order; f may remove the one it is given.
    template <class F>
    void each(F f) const {
        each_word([&](size_t w) {
            const auto base = first_ + static_cast<uint32_t>(w * 64);
            each_bit(words_[w], [&](int bit) { f(base + static_cast<uint32_t>(bit)); });
        });
    }
    // The same, and forgets them all.
    template <class F>
    void take(F f) {
        each(f);
        each_word([&](size_t w) { words_[w] = 0; });
        for (uint64_t& filled : filled_) filled = 0;
    }

    // The same for the members of any of three sets of the same PEs.
    template <class F>
    void each_of_any(const ActiveSet& b, const ActiveSet& c, F f) const {
        for (size_t v = 0; v < filled_.size(); ++v) {
            each_bit(filled_[v] | b.filled_[v] | c.filled_[v], [&](int word) {
                const size_t w = v * 64 + static_cast<size_t>(word);
                const auto base = first_ + static_cast<uint32_t>(w * 64);
                each_bit(words_[w] | b.words_[w] | c.words_[w], [&](int bit) { f(base + static_cast<uint32_t>(bit)); });
            });
        }
    }

private:
    template <class F>
    void each_word(F f) const {
        for (size_t v = 0; v < filled_.size(); ++v)
            each_bit(filled_[v], [&](int bit) { f(v * 64 + static_cast<size_t>(bit)); });
    }

    uint32_t first_;
    std::vector<uint64_t> words_;
    std::vector<uint64_t> filled_;  // words with members
};

// What all regions work on. A region changes its own PEs and routers only.
struct Wafer {
    const Image& image;
    const Machine& machine;
    std::vector<Router>& routers;
    std::vector<Pe>& pes;
    std::vector<uint64_t>& wake;     // by PE: first cycle at which to look at it again
    std::vector<Ticket>& tickets;
};

// Faults of a cycle in the order in which they are noticed: of phases, then of numbers.
enum class Phase : uint8_t { host, routers, ramps, threads, tasks };
struct FaultFound {
    Phase phase{};
    uint32_t number = 0;  // of the PE or router
    FaultReport report;
    bool before(const FaultFound& other) const {
        return phase != other.phase ? phase < other.phase : number < other.number;
    }
};

// A wavelet that has left the fabric, to the host or over the edge.
struct Left {
    uint32_t router;
    Side side;
    Wavelet wavelet;
};

class Region {
public:
    // PEs `first` to `last` - 1.
    Region(const Wafer& wafer, uint32_t first, uint32_t last);
    Region(const Region&) = delete;
    virtual ~Region() = default;

    uint32_t first() const { return first_; }
    uint32_t last() const { return last_; }
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
    void enter(uint32_t router, ColorState& color, Side side, const Wavelet& wavelet);
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
    // The next router has room; the wavelet goes there; a wavelet has left a queue.
    virtual bool takes(uint32_t next, uint32_t router, Side out, const Wavelet& wavelet);
    virtual void hand_over(uint32_t next, uint32_t router, Side out, Wavelet wavelet);
    virtual void taken(uint32_t, Side, int) {}
    // Only links that a wavelet takes for several cycles are remembered.
    bool link_taken(uint32_t router, Side out) {
        if (link_free_.empty() || link_free_[router - first_][out] <= env_.now) return false;
        next_event_ = std::min(next_event_, link_free_[router - first_][out]);
        return true;
    }
    void take_link(uint32_t router, Side out) {
        if (!link_free_.empty())
            link_free_[router - first_][out] = env_.now + static_cast<uint64_t>(machine_.fabric.link_period);
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
    std::vector<Router>& routers_;
    std::vector<Pe>& pes_;
    std::vector<uint64_t>& wake_;
    std::vector<Ticket>& tickets_;

    Environment env_;
    uint32_t first_, last_;
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
int arriving_color(Router& router, Side side, int color);
[[noreturn]] void no_route(const Image& image, Side out, uint32_t next, int color);

}  // namespace wafersim
