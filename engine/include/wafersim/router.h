// The router of a PE: queues for each (input side, color), switch positions, filters.
//
// Routing is decided in two steps so that the result does not depend on the order of routers: `Mesh` asks every
// router what it would move given the state at the start of the cycle, then carries all moves out.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "arena.h"
#include "bits.h"
#include "machine.h"
#include "program.h"
#include "wavelet.h"

namespace wafersim {

struct Route {
    uint8_t rx = 0, tx = 0;
};

struct FilterState {
    Filter config;
    int counter = 0;
    bool dropping = false;  // sparse counter: second half of its period
};

// What few colors have: a filter, or switch positions.
struct ColorExtras {
    FilterState filter;
    std::array<SwitchPosition, 3> positions{{{0, 0, true}, {0, 0, true}, {0, 0, true}}};  // 1 to 3; a mask of 0 keeps the side
};

// Everything the router keeps for one color: one line of the host's cache, the wavelets beside it. Each input side has
// a queue; of all queues of a color one wavelet at most leaves in a cycle.
class alignas(64) ColorState {
public:
    static constexpr uint8_t not_plain = 7 << 4;  // as if it went to side 7

    uint32_t served = 0;              // Router::services when a wavelet last moved
    int8_t color = 0;
    Route base;                       // position 0
    Route route;                      // of the present position; see settle_route
    uint8_t position = 0;
    Side last_side = side_host;       // round robin over input sides: the one that was served last
    PopMode pop_mode{};
    bool ring_mode : 1 = false, swap_x : 1 = false, swap_y : 1 = false;
    bool teardown : 1 = false;        // in teardown: nothing moves
    bool filtered : 1 = false;        // has a filter
    bool existed : 1 = true, swapped_x : 1 = false, swapped_y : 1 = false;  // before the change at `changed_`
    uint8_t plain = not_plain;        // one side in (low half), one side out, nothing else to look at; see settle_route
    uint16_t waiting = 0;             // wavelets in all queues

    const ColorExtras& extras() const { return extras_ ? *extras_ : no_extras; }
    bool has_extras() const { return extras_; }
    ColorExtras& own_extras(Arena& arena);
    void settle_route();              // after a change of base, position, positions, teardown or filtered

    void set_up_queues(int depth, uint8_t sides, Arena& arena);  // sides: mask of those that get storage now
    bool empty(Side side) const { return count_[side] == 0; }
    bool full(Side side) const { return count_[side] >= depth_; }
    int size(Side side) const { return count_[side]; }
    const Wavelet& front(Side side) const { return rings_[head_[side]]; }
    const Wavelet& at(Side side, int i) const { return rings_[index(side, i)]; }
    Wavelet& at(Side side, int i) { return rings_[index(side, i)]; }
    const Wavelet* storage() const { return rings_; }
    bool has_ring(Side side) const { return head_[side] != no_ring; }
    void add_ring(Side side, Arena& arena);
    // Room for another wavelet, which the caller writes there.
    Wavelet& push(Side side) {
        ++waiting;
        return at(side, count_[side]++);
    }
    void pop(Side side, uint64_t cycle) {
        head_[side] = index(side, 1);
        --count_[side];
        --waiting;
        popped_ = static_cast<uint32_t>(cycle);
        popped_side_ = side;
    }
    // For who moves wavelets one after the other within a cycle: `full` as it was at the cycle's start.
    bool was_full(Side side, uint64_t cycle) const {
        const int count = count_[side];
        return count >= depth_ || (count + 1 == depth_ && popped_side_ == side && popped_ == static_cast<uint32_t>(cycle));
    }
    void forget_times() {
        popped_side_ = side_count;
        changed_ = 0;
        existed = true;
        swapped_x = swap_x;
        swapped_y = swap_y;
        sure_ = swap_x || swap_y ? uint8_t{0} : static_cast<uint8_t>(depth_ - 1);
    }

    // Registers change what other routers see of the color: from the next cycle on, whoever looks when.
    void change(uint64_t cycle, bool exists = true) {
        sure_ = 0;
        if (changed(cycle)) return;
        changed_ = static_cast<uint32_t>(cycle) + 1;
        existed = exists;
        swapped_x = swap_x;
        swapped_y = swap_y;
    }
    bool changed(uint64_t cycle) const { return changed_ == static_cast<uint32_t>(cycle + 1); }
    bool existed_at_start(uint64_t cycle) const { return existed || !changed(cycle); }
    // A wavelet that comes from a neighbour in this cycle just joins its queue.
    bool is_settled(uint64_t cycle) const { return !changed(cycle) && !swap_x && !swap_y; }
    // Tells at a glance, of most queues, that a wavelet may join: whoever finds the color settled keeps that.
    bool surely_takes(Side side) const { return count_[side] < sure_; }
    void keep_settled() { sure_ = static_cast<uint8_t>(depth_ - 1); }
    bool swapped_at_start(Side side, uint64_t cycle) const {
        if (side == side_ramp || side == side_host) return false;
        const bool along_x = side == side_east || side == side_west;
        return changed(cycle) ? (along_x ? swapped_x : swapped_y) : (along_x ? swap_x : swap_y);
    }

private:
    static constexpr uint16_t no_ring = 0xffff;
    static const ColorExtras no_extras;

    // Rings have sizes and places that are multiples of mask_ + 1, a power of two.
    uint16_t index(Side side, int i) const {
        const unsigned head = head_[side];
        return static_cast<uint16_t>(head ^ ((head ^ (head + static_cast<unsigned>(i))) & mask_));
    }
    uint16_t new_ring() { return static_cast<uint16_t>(ring_count_++ * (mask_ + 1)); }

    Side popped_side_ = side_count;   // of the last wavelet that left
    uint8_t depth_ = 0, mask_ = 0, ring_count_ = 0;
    uint32_t popped_ = 0;             // when; low bits of the cycle
    uint32_t changed_ = 0;            // the cycle after the last change; low bits
    std::array<uint16_t, side_count> head_{no_ring, no_ring, no_ring, no_ring, no_ring, no_ring};  // in rings_
    std::array<uint8_t, side_count> count_{};
    uint8_t sure_ = 0;                // fewer wavelets: the queue was not full at the start of the cycle; 0 if not settled
    ColorExtras* extras_ = nullptr;
    Wavelet* rings_ = nullptr;
};
static_assert(sizeof(ColorState) == 64 && std::is_trivially_copyable_v<ColorState>);

// Point-to-point messages (messages.cpp): five consecutive colors, for messages on their way to the east, west, south
// and north, and between PE and router.
struct MessageRouter {
    static constexpr int channels = 5, local = 4;
    bool enabled = false;
    uint8_t first = 0;                // color of channel 0
    std::array<int8_t, channels> out; // channel on which the message that comes in on one goes out; -1 none

    MessageRouter() { out.fill(-1); }
    bool takes(int channel) const { return std::find(out.begin(), out.end(), channel) != out.end(); }
    bool routes(int color) const { return enabled && color >= first && color < first + channels; }
};

struct alignas(64) Router {
    ColorState* colors = nullptr;     // in the order in which they got a route
    std::array<int8_t, 32> slot;      // of a color in `colors`, -1 without a route
    uint32_t waiting_slots = 0;       // slots with wavelets
    uint32_t held = 0;                // of these, for the fast engine: those that only their PE can make room for
    uint8_t count = 0, room = 0;      // of `colors`
    uint32_t services = 0;            // wavelets moved and colors added; see restart_services
    uint8_t edges = 0;                // outputs that lead out of the mesh
    MessageRouter messages;

    Router() { slot.fill(-1); }
    uint32_t slots_to_try() const { return waiting_slots & ~held; }
    void restart_services();          // counts from 1 again, in the same order
    void configure(const std::vector<ColorConfig>& configs, const Machine& machine, Arena& arena);
    std::span<ColorState> all() { return {colors, count}; }
    std::span<const ColorState> all() const { return {colors, count}; }
    ColorState* find(int color) { return color < 32 && slot[color] >= 0 ? &colors[slot[color]] : nullptr; }
    const ColorState* find(int color) const { return const_cast<Router*>(this)->find(color); }
    const ColorState* find_at_start(int color, uint64_t cycle) const {  // of the cycle
        const ColorState* state = find(color);
        return state && state->existed_at_start(cycle) ? state : nullptr;
    }
    ColorState& add_color(int color, const Machine& machine, Arena& arena);  // earlier references no longer hold
    // `number` of the router, for those queues that have had no wavelets before.
    Wavelet& push(ColorState& color, Side side, const Arenas& arenas, uint32_t number) {
        if (!color.has_ring(side)) [[unlikely]] color.add_ring(side, arenas.of(number));
        waiting_slots |= uint32_t{1} << (&color - colors);
        return color.push(side);
    }
    void pop(int number, Side side, uint64_t cycle) {
        colors[number].pop(side, cycle);
        if (colors[number].waiting == 0) waiting_slots &= ~(uint32_t{1} << number);
    }
};
static_assert(sizeof(Router) == 64);

// Of these slots of a router, at least one, the one that was served longest ago.
inline unsigned longest_unserved(const Router& router, uint32_t slots) {
    auto first = static_cast<unsigned>(std::countr_zero(slots));
    slots &= slots - 1;
    if (!slots) return first;
    uint32_t served = router.colors[first].served;
    do {
        const auto slot = static_cast<unsigned>(std::countr_zero(slots));
        const uint32_t other = router.colors[slot].served;
        first = other < served ? slot : first;
        served = std::min(other, served);
        slots &= slots - 1;
    } while (slots);
    return first;
}

// Calls f(slot) for slots of a router, those first that were served longest ago.
template <class F>
void each_in_turn(const Router& router, uint32_t slots, F f) {
    std::array<uint64_t, 32> order;  // served, then slot
    size_t count = 0;
    for (uint32_t rest = slots; rest; rest &= rest - 1) {
        const auto slot = static_cast<uint32_t>(std::countr_zero(rest));
        const uint64_t key = uint64_t{router.colors[slot].served} << 32 | slot;
        size_t at = count++;
        for (; at > 0 && order[at - 1] > key; --at) order[at] = order[at - 1];
        order[at] = key;
    }
    for (size_t i = 0; i < count; ++i) f(static_cast<int>(order[i] & 31));
}

// switch.cpp: what commands do to the switch.
void advance_switch(ColorState& color);
// Executes the first command of `wavelet` and pops it if the pop mode says so; true: a teardown begins.
bool obey_command(ColorState& color, Wavelet& wavelet);

// filter.cpp: whether the filter lets the wavelet pass to the PE; `commit` also counts it.
bool filter_passes(const FilterState& filter, const Wavelet& wavelet);
void filter_count(FilterState& filter, const Wavelet& wavelet);

}  // namespace wafersim
