// The wafer: PEs, routers, links, host, and the clock that drives them.
//
// One cycle is `Mesh::tick`, a list of phases (docs/architecture.md). Only what may have something to do is
// visited: `ActiveSet` remembers PEs and routers and gives them in the order of their numbers, so that the result does
// not depend on the order in which they became active.
#pragma once

#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "loader.h"
#include "pe.h"

namespace wafersim {

class ActiveSet {
public:
    explicit ActiveSet(size_t size) : words_((size + 63) / 64) {}
    void add(uint32_t i) { words_[i / 64] |= uint64_t{1} << i % 64; }
    void remove(uint32_t i) { words_[i / 64] &= ~(uint64_t{1} << i % 64); }
    bool contains(uint32_t i) const { return words_[i / 64] >> i % 64 & 1; }

    // Calls f for each member in order; f may remove the one it is given.
    template <class F>
    void each(F f) {
        for (size_t w = 0; w < words_.size(); ++w) {
            each_bit(words_[w], [&](int bit) { f(static_cast<uint32_t>(w * 64 + static_cast<size_t>(bit))); });
        }
    }

private:
    std::vector<uint64_t> words_;
};

struct Rect {
    int x = 0, y = 0, w = 1, h = 1;
};

// Something the host asked for. It is done when `remaining` is 0.
struct Ticket {
    enum class Kind : uint8_t { launch, copy_in, copy_out, stream_in, stream_out, edge_send, edge_receive };
    Kind kind{};
    Rect rect;
    std::vector<int> per_program;       // launch: function; copies: address (none: not on these PEs)
    std::vector<uint64_t> arguments;
    bool indirect = false;              // the address is that of a pointer to the data
    uint32_t words = 0;                 // words (copies) or wavelets (streams) a PE
    int color = 0;
    Side side = side_host;
    std::span<const uint16_t> given;    // copies in: [h][w][words], the caller's until the ticket is done
    std::shared_ptr<const void> owner;  // keeps `given`
    std::vector<uint16_t> words_data;   // copies out: [h][w][words]
    std::vector<uint32_t> wavelets;     // streams: [h][w][n]
    std::vector<uint8_t> controls;      // streams in: which wavelets are control wavelets; empty for none
    uint64_t remaining = 0;             // PEs (commands) or wavelets (streams)
};

enum class RunResult : uint8_t { done, idle, deadlock, fault, budget };

class Mesh {
public:
    Mesh(Image image, const Settings& settings);
    Mesh(const Mesh&) = delete;  // PEs refer to what is in here
    virtual ~Mesh() = default;

    // Runs until all `tickets` are done, nothing can move, a PE faults, or `max_cycles` have passed.
    virtual RunResult run(uint64_t max_cycles, const std::vector<uint32_t>& tickets);

    uint32_t add(Ticket ticket);        // host.cpp; checks it and queues its work
    const Ticket& ticket(uint32_t number) const;
    bool done(uint32_t number);         // host.cpp; a ticket that is done lets go of the host's data
    std::vector<uint16_t> take_words(uint32_t number) { return std::exchange(tickets_[number - 1].words_data, {}); }
    Pe& pe(int x, int y);
    uint64_t cycle() const { return env_.now; }
    const Image& image() const { return image_; }
    std::vector<LogLine> take_log();
    const std::optional<FaultReport>& fault() const { return fault_; }
    // DSD operations that leave their variable: faults, or else warnings (docs/host-api.md).
    void set_strict(bool strict) { env_.strict = strict; }
    const std::vector<FaultReport>& warnings() const { return env_.warnings; }
    Value deadlock() const;             // deadlock.cpp
    Value stats() const;
    List stuck_wavelets() const;
    void watch(std::unique_ptr<Observer> observer) { env_.observers.push_back(std::move(observer)); }
    void stop_watching() { env_.observers.clear(); }

protected:
    // ------------------------------------------------------------- mesh.cpp: a cycle, phase by phase
    bool tick();
    void host_phase();
    void router_phase();
    void ramp_phase();
    void pe_phase();
    void task_phase();
    void observe_phase();

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
    void carry_out(const Move& move);
    void deliver(uint32_t router, Side out, Wavelet wavelet);
    void take_from_pe(uint32_t pe);
    bool decide_message(uint32_t router, uint8_t slot, uint8_t& taken);  // messages.cpp
    void pass_message(const Move& move, const ColorState& color, Wavelet wavelet);
    std::optional<uint32_t> neighbour(uint32_t router, Side side) const;
    int arriving_color(uint32_t router, Side side, int color);
    virtual void wake(uint32_t pe, uint64_t cycle);
    virtual bool awake(uint32_t pe) const { return busy_pes_.contains(pe); }

    // ------------------------------------------------------------- host.cpp
    struct Feed {   // wavelets that the host injects at one router
        uint32_t ticket;
        size_t next, end;
        uint64_t due;
    };
    struct Sink {   // wavelets that left the fabric, and who waits for them
        std::deque<Wavelet> wavelets;
        struct Want { uint32_t ticket; size_t next, end; };
        std::deque<Want> wants;
    };
    void check(const Ticket& ticket) const;
    void feed_all();
    bool feed(uint32_t router, Side side, std::deque<Feed>& feeds);
    void leave(uint32_t router, Side side, const Wavelet& wavelet);
    void settle(Sink& sink);
    void command(uint32_t pe);
    void complete_on_pe(Ticket& ticket) { --ticket.remaining; }
    size_t place_in(const Ticket& ticket, const Pe& pe) const;
    static uint64_t sink_key(uint32_t router, Side side, int color) {
        return uint64_t{router} << 16 | static_cast<uint64_t>(side) << 8 | static_cast<uint64_t>(color);
    }

    bool all_done(const std::vector<uint32_t>& tickets) const;
    bool any_open() const;
    void report_fault(const Pe& pe, const std::string& message, bool in_pe);
    uint32_t guarded_ = 0;              // the PE or router at work, for faults

    Image image_;
    Machine machine_;
    Environment env_;
    // Memory of the PEs with a program, in blocks of many.
    struct Free { void operator()(uint16_t* words) const { std::free(words); } };
    std::vector<std::unique_ptr<uint16_t, Free>> memory_;
    uint16_t* next_words_ = nullptr;    // in the last block
    size_t free_words_ = 0;
    uint16_t* allocate(const Program& program);
    std::vector<Router> routers_;
    std::vector<Pe> pes_;

    ActiveSet busy_routers_, busy_ramps_, busy_pes_;
    std::vector<uint64_t> wake_;        // by PE: first cycle at which to look at it again
    std::vector<Move> moves_;
    bool progress_ = false;             // something advanced in this cycle
    uint64_t next_event_ = never;       // earliest later cycle at which something could

    std::vector<Ticket> tickets_;       // ticket n is entry n - 1
    std::map<uint64_t, std::deque<Feed>> feeds_;
    std::map<uint64_t, Sink> sinks_;
    std::optional<FaultReport> fault_;
    bool fault_in_pe_ = true;
};

}  // namespace wafersim
