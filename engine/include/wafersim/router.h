// The router of a PE: queues for each (input side, color), switch positions, filters.
//
// Routing is decided in two steps so that the result does not depend on the order of routers: `Mesh` asks every
// router what it would move given the state at the start of the cycle, then carries all moves out.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "machine.h"
#include "program.h"
#include "wavelet.h"

namespace wafersim {

struct Route {
    uint8_t rx = 0, tx = 0;
    bool valid = false;
};

struct FilterState {
    Filter config;
    int counter = 0;
    bool dropping = false;  // sparse counter: second half of its period
};

// Everything the router keeps for one color.
struct ColorState {
    int color = 0;
    Route base;                       // position 0
    bool ring_mode = false;
    PopMode pop_mode{};
    bool swap_x = false, swap_y = false;
    bool teardown = false;            // in teardown: nothing moves
    int position = 0;
    int waiting = 0;                  // wavelets in all queues
    Side next_side = side_ramp;       // round robin over input sides
    uint64_t served = 0;              // fast engine: Router::services when a wavelet last moved
    std::array<WaveletQueue, side_count> queue;
    FilterState filter;
    std::array<SwitchPosition, 3> positions;  // 1 to 3; a mask of 0 keeps the side

    Route route() const;              // of the present position
};

// Point-to-point messages (messages.cpp): five consecutive colors, for messages on their way to the east, west, south
// and north, and between PE and router.
struct MessageRouter {
    static constexpr int channels = 5, local = 4;
    bool enabled = false;
    uint8_t first = 0;                // color of channel 0
    std::array<int8_t, channels> out; // channel on which the message that comes in on one goes out; -1 none
    std::array<int8_t, channels> in;  // the inverse

    MessageRouter() { out.fill(-1), in.fill(-1); }
    bool routes(int color) const { return enabled && color >= first && color < first + channels; }
};

struct alignas(64) Router {
    std::array<int8_t, 32> slot;      // of a color in `colors`, -1 without a route
    std::vector<ColorState> colors;
    int waiting = 0;                  // wavelets in all queues
    uint32_t waiting_slots = 0;       // fast engine: slots with wavelets
    std::array<uint64_t, side_count> link_free{};  // first cycle at which an output link is free
    uint64_t services = 0;            // fast engine: wavelets moved and colors added so far
    MessageRouter messages;
    std::vector<uint8_t> order;       // slots, least recently served first

    Router() { slot.fill(-1); }
    void configure(const std::vector<ColorConfig>& configs, const Machine& machine);
    ColorState* find(int color) { return color < 32 && slot[color] >= 0 ? &colors[slot[color]] : nullptr; }
    ColorState& add_color(int color, const Machine& machine);
    void push(ColorState& color, Side side, const Wavelet& wavelet) {
        color.queue[side].push(wavelet);
        ++color.waiting;
        ++waiting;
        waiting_slots |= uint32_t{1} << slot[static_cast<size_t>(color.color)];
    }
};

// switch.cpp: what commands do to the switch.
void advance_switch(ColorState& color);
// Executes the first command of `wavelet` and pops it if the pop mode says so; true: a teardown begins.
bool obey_command(ColorState& color, Wavelet& wavelet);

// filter.cpp: whether the filter lets the wavelet pass to the PE; `commit` also counts it.
bool filter_passes(const FilterState& filter, const Wavelet& wavelet);
void filter_count(FilterState& filter, const Wavelet& wavelet);

}  // namespace wafersim
