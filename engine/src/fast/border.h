// The border of a region towards the region above or below: what goes over it is mail.
//
// Both regions work on the same cycle at the same time, so neither may look at the other's routers. What a router has to
// know of the one beyond is kept here: by which color it takes a wavelet, and how many wavelets of ours it still holds.
// Mail of a cycle (wavelets, room that has become free, routes that have changed) is read when the next one begins;
// this is early enough, as a hop takes at least one cycle.
#pragma once

#include <array>
#include <vector>

#include "wafersim/router.h"

namespace wafersim::fast {

// The color by which a router takes a wavelet that comes from a side, after a swap; and whether there is a route.
struct Arrivals {
    std::array<uint8_t, 32> color{};
    uint32_t known = 0;
};
Arrivals arrivals_of(Router& router, Side side);

struct alignas(64) Mail {
    struct Sent {
        uint32_t column;
        Wavelet wavelet;
    };
    struct Taken {
        uint32_t column;
        uint8_t color;
    };
    struct Rerouted {
        uint32_t column;
        Arrivals arrivals;
    };
    std::vector<Sent> sent;
    std::vector<Taken> taken;
    std::vector<Rerouted> rerouted;
};

class Border {
public:
    Border(uint32_t first, int width, int room) : first_(first), room_(room), beyond_(static_cast<size_t>(width)) {}

    uint32_t first() const { return first_; }    // number of the first router on our side
    bool has(uint32_t router) const { return router - first_ < beyond_.size(); }
    void know(uint32_t column, const Arrivals& arrivals) { beyond_[column].arrivals = arrivals; }

    // As of the start of the cycle, for a wavelet of this color that a router of ours wants to send over.
    bool is_known(uint32_t router, uint8_t color) const { return at(router).arrivals.known >> color & 1; }
    uint8_t arriving(uint32_t router, uint8_t color) const { return at(router).arrivals.color[color]; }
    bool has_room(uint32_t router, uint8_t color) const { return at(router).held[arriving(router, color)] < room_; }

    // What happened in this cycle.
    void send(uint32_t router, const Wavelet& wavelet) {
        ++at(router).held[wavelet.color];
        outgoing().sent.push_back({router - first_, wavelet});
    }
    void take(uint32_t router, int color) {
        outgoing().taken.push_back({router - first_, static_cast<uint8_t>(color)});
    }
    void reroute(uint32_t router, const Arrivals& arrivals) {
        outgoing().rerouted.push_back({router - first_, arrivals});
    }

    // Mail is written into one of two boxes, in turn, while the other side empties the other one.
    void turn() { box_ ^= 1; }
    Mail& last_box() { return boxes_[box_ ^ 1]; }
    void hear(const Mail& mail);

private:
    struct Beyond {
        Arrivals arrivals;
        std::array<uint16_t, 32> held{};  // by the color they have there
    };
    Beyond& at(uint32_t router) { return beyond_[router - first_]; }
    const Beyond& at(uint32_t router) const { return beyond_[router - first_]; }
    Mail& outgoing() { return boxes_[box_]; }

    uint32_t first_;
    int room_;
    std::vector<Beyond> beyond_;  // by column
    std::array<Mail, 2> boxes_;
    int box_ = 0;
};

}  // namespace wafersim::fast
