// The wafer: PEs, routers, links, host, and the clock that drives them.
//
// One cycle is `Mesh::tick`, a list of phases (docs/architecture.md) that regions (region.h) work off.
#pragma once

#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader.h"
#include "region.h"

namespace wafersim {

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
    uint64_t cycle() const { return now_; }
    const Image& image() const { return image_; }
    std::vector<LogLine> take_log();
    const FaultReport* fault() const { return fault_ ? &fault_->report : nullptr; }
    // DSD operations that leave their variable: faults, or else warnings (docs/host-api.md).
    void set_strict(bool strict);
    const std::vector<FaultReport>& warnings() const { return warnings_; }
    Value deadlock() const;             // deadlock.cpp
    Value stats() const;
    size_t state_bytes() const;
    List stuck_wavelets() const;
    void watch(std::shared_ptr<Observer> observer);
    void stop_watching();

protected:
    // For engines with regions of their own, one for each of their threads.
    using MakeRegion = std::function<std::unique_ptr<Region>(const Wafer&)>;
    Mesh(Image image, const Settings& settings, int regions, const MakeRegion& make);

    // ------------------------------------------------------------- mesh.cpp
    bool tick();
    void host_phase();
    void finish_cycle();
    Region& first_region() const { return *regions_.front(); }

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
    void collect(const Left& left);
    void settle(Sink& sink);
    static uint64_t sink_key(uint32_t router, Side side, int color) {
        return uint64_t{router} << 16 | static_cast<uint64_t>(side) << 8 | static_cast<uint64_t>(color);
    }

    bool all_done(const std::vector<uint32_t>& tickets) const;
    bool any_open() const;
    void gather_reports();
    bool comes_before_fault(uint64_t cycle, int x, int y) const;

    Image image_;
    Machine machine_;
    uint64_t now_ = 0;
    // Memory of the PEs with a program, in blocks of many.
    struct Free { void operator()(uint16_t* words) const { std::free(words); } };
    std::vector<std::unique_ptr<uint16_t, Free>> memory_;
    uint16_t* next_words_ = nullptr;    // in the last block
    size_t free_words_ = 0;
    uint16_t* allocate(const Program& program);
    std::vector<uint16_t*> allocate_all();
    Arenas arenas_;                     // of state of routers and PEs
    std::vector<Router> routers_;
    std::vector<Pe> pes_;

    std::vector<uint64_t> wake_;        // by PE: first cycle at which to look at it again
    std::vector<std::unique_ptr<Region>> regions_;
    bool fed_ = false;                  // the host injected something in this cycle
    uint64_t next_feed_ = never;        // or will do so in this one

    std::vector<Ticket> tickets_;       // ticket n is entry n - 1
    std::map<uint64_t, std::deque<Feed>> feeds_;
    std::map<uint64_t, Sink> sinks_;
    std::vector<LogLine> log_;          // of the regions, in the order of cycles and PEs
    std::vector<FaultReport> warnings_;
    std::optional<FaultFound> fault_;
};

}  // namespace wafersim
