// Point-to-point messages (docs/registers.md, "Messages"): a header finds its way along x, then along y, the rest of the
// message follows it. The order of dimensions keeps messages from waiting for each other in a circle.
#include <algorithm>

#include "wafersim/region.h"

namespace wafersim {

namespace {

// Where a message of a channel comes from and goes to; the channels are in the order of MessageRouter.
constexpr std::array<Side, MessageRouter::channels> from_side{side_west, side_east, side_north, side_south, side_ramp};
constexpr std::array<Side, MessageRouter::channels> to_side{side_east, side_west, side_south, side_north, side_ramp};

int channel_towards(const Pe& pe, uint32_t header) {
    const int column = static_cast<int>(header & 0x3ff), row = static_cast<int>(header >> 10 & 0x7ff);
    if (column != pe.x) return column > pe.x ? 0 : 1;
    if (row != pe.y) return row > pe.y ? 2 : 3;
    return MessageRouter::local;
}

}  // namespace

bool Region::decide_message(uint32_t number, uint8_t slot, uint8_t& taken) {
    Router& router = routers_[number];
    const ColorState& color = router.colors[slot];
    const auto channel = static_cast<size_t>(color.color - router.messages.first);
    if (color.empty(from_side[channel])) return false;
    Wavelet wavelet = color.front(from_side[channel]);
    if (!wavelet.is_ready(env_.now)) {
        next_event_ = std::min(next_event_, wavelet.ready_at(env_.now));
        return false;
    }
    int out = router.messages.out[channel];
    if (out < 0) {
        out = channel_towards(pes_[number], wavelet.data);
        if (router.messages.takes(out)) return false;
    }
    const Side side = to_side[static_cast<size_t>(out)];
    const auto output = static_cast<uint8_t>(1u << side);
    wavelet.color = static_cast<uint32_t>(router.messages.first + out) & 31;
    if ((taken & output) || !has_room(number, side, wavelet)) return false;
    taken |= output;
    moves_.push_back({number, slot, from_side[channel], output});
    return true;
}

void Region::pass_message(const Move& move, const ColorState& color, Wavelet wavelet) {
    MessageRouter& messages = routers_[move.router].messages;
    const auto channel = static_cast<size_t>(color.color - messages.first);
    const auto found = std::find_if(to_side.begin(), to_side.end(), [&](Side side) { return move.to >> side & 1; });
    const auto out = static_cast<size_t>(found - to_side.begin());
    const bool ends = wavelet.control;
    messages.out[channel] = ends ? int8_t{-1} : static_cast<int8_t>(out);
    wavelet.color = static_cast<uint32_t>(messages.first + static_cast<int>(out)) & 31;
    if (ends && out == MessageRouter::local) {
        wavelet.control = false;
        wavelet.tail = true;
    }
    deliver(move.router, *found, wavelet);
}

}  // namespace wafersim
