// How wavelets move: routers decide, links carry, ramps connect PEs and routers.
//
// A wavelet needs all outputs of its route in the same cycle (multicast is atomic), each output link takes one wavelet
// a cycle over all colors. Colors that were served longest ago come first.
#include <algorithm>

#include "wafersim/region.h"

namespace wafersim {

namespace {

uint8_t bit(Side side) { return static_cast<uint8_t>(1u << side); }

}  // namespace

std::optional<uint32_t> neighbour(const Image& image, uint32_t router, Side side) {
    const int width = image.width;
    const int x = static_cast<int>(router) % width, y = static_cast<int>(router) / width;
    switch (side) {
    case side_east: return x + 1 < width ? std::optional(router + 1) : std::nullopt;
    case side_west: return x > 0 ? std::optional(router - 1) : std::nullopt;
    case side_south: return y + 1 < image.height ? std::optional(router + static_cast<uint32_t>(width)) : std::nullopt;
    case side_north: return y > 0 ? std::optional(router - static_cast<uint32_t>(width)) : std::nullopt;
    default: return std::nullopt;
    }
}

// Color swap: a wavelet that arrives along the axis goes on as the other color of its pair. As of the start of the cycle.
int arriving_color(const Router& router, Side side, int color, uint64_t now) {
    const ColorState* state = router.find_at_start(color, now);
    return state && state->swapped_at_start(side, now) ? color ^ 1 : color;
}

// ------------------------------------------------------------------------------------------------- deciding

void Region::decide(uint32_t number) {
    Router& router = routers_[number];
    if (!router.waiting_slots) return busy_routers_.remove(number);
    uint8_t taken = 0;
    each_in_turn(router, router.waiting_slots, [&](int slot) {
        if (decide_color(number, static_cast<uint8_t>(slot), taken)) router.colors[slot].served = ++router.services;
    });
}

bool Region::decide_color(uint32_t number, uint8_t slot, uint8_t& taken) {
    Router& router = routers_[number];
    ColorState& color = router.colors[slot];
    if (color.teardown) return false;
    if (router.messages.routes(color.color)) return decide_message(number, slot, taken);
    const Route route = color.route;
    for (int i = 0; i < side_count; ++i) {
        const Side side = static_cast<Side>((color.last_side + 1 + i) % side_count);
        if (!(route.rx & bit(side)) || color.empty(side)) continue;
        const Wavelet& wavelet = color.front(side);
        if (!wavelet.is_ready(env_.now)) {
            next_event_ = std::min(next_event_, wavelet.ready_at(env_.now));
            continue;
        }
        uint8_t outputs = route.tx;
        if ((outputs & ramp) && (ignored_by_pe(wavelet) || filtered(number, color, wavelet)))
            outputs &= static_cast<uint8_t>(~ramp);
        if (outputs & taken) continue;
        bool free = route.tx != 0;
        for (int out = 0; out < side_count && free; ++out) {
            if (outputs >> out & 1) free = has_room(number, static_cast<Side>(out), wavelet);
        }
        if (!free) continue;
        taken |= outputs;
        color.last_side = side;
        moves_.push_back({number, slot, side, outputs});
        return true;
    }
    return false;
}

// The filter of a color acts at its queue, which may have switched it off.
bool Region::filtered(uint32_t number, const ColorState& color, const Wavelet& wavelet) const {
    if (!color.filtered) return false;
    const Pe& pe = pes_[number];
    const int channel = pe.program ? pe.channel_of_color[wavelet.color] : none;
    if (channel >= 0 && !pe.channels[static_cast<size_t>(channel)].filter_enabled) return false;
    return !filter_passes(color.extras().filter, wavelet);
}

bool Region::has_room(uint32_t number, Side out, const Wavelet& wavelet) {
    if (link_taken(number, out)) return false;
    if (out == side_host) return true;
    if (out == side_ramp) return pes_[number].receive(wavelet, false);
    const auto next = neighbour(image_, number, out);
    return !next || takes(*next, out, wavelet);
}

void no_route(const Image& image, Side out, uint32_t next, int color) {
    const auto width = static_cast<uint32_t>(image.width);
    throw Fault("wavelet of color " + std::to_string(color) + " goes " + side_names[out] + " to PE(" +
                std::to_string(next % width) + "," + std::to_string(next / width) + "), which has no route for it");
}

bool Region::takes(uint32_t next, Side out, const Wavelet& wavelet) {
    const int color = arriving_color(routers_[next], opposite[out], wavelet.color, env_.now);
    const ColorState* state = routers_[next].find_at_start(color, env_.now);
    if (!state) no_route(image_, out, next, color);
    return !state->was_full(opposite[out], env_.now);
}

// --------------------------------------------------------------------------------------------- carrying out

void Region::carry_out(const Move& move) {
    Router& router = routers_[move.router];
    ColorState& color = router.colors[move.slot];
    Wavelet wavelet = color.front(move.from);
    router.pop(move.slot, move.from, env_.now);
    progress_ = true;
    ++env_.stats.wavelet_moves;
    for (const auto& observer : env_.observers) {
        observer->wavelet_moved(env_.now, pes_[move.router].x, pes_[move.router].y, move.from, move.to, wavelet);
    }
    if (router.messages.routes(color.color)) return pass_message(move, color, wavelet);
    const uint8_t route = color.route.tx;
    if (route & ramp) {
        if (!(move.to & ramp) && !ignored_by_pe(wavelet)) ++env_.stats.filtered;
        if (color.filtered) filter_count(color.own_extras(arenas_.of(move.router)).filter, wavelet);
    }
    const Wavelet as_it_came = wavelet;
    bool teardown = false;
    if (wavelet.control) teardown = obey_command(color, wavelet);
    if (wavelet.advance_switch) advance_switch(color);
    wavelet.advance_switch = false;
    for (int out = 0; out < side_count; ++out) {
        if (move.to >> out & 1) deliver(move.router, static_cast<Side>(out), out == side_ramp ? as_it_came : wavelet);
    }
    if (teardown) {
        pes_[move.router].start_teardown(color.color);
        wake(move.router, env_.now);
    }
}

void Region::deliver(uint32_t number, Side out, Wavelet wavelet) {
    take_link(number, out);
    if (out == side_ramp) {
        wavelet.set_ready(env_.now + static_cast<uint64_t>(machine_.fabric.ramp_in));
        pes_[number].receive(wavelet, true);
        wake(number, wavelet.ready_at(env_.now));
        return;
    }
    const auto next = neighbour(image_, number, out);
    if (!next) return leave(number, out, wavelet);
    wavelet.set_ready(env_.now + static_cast<uint64_t>(machine_.fabric.hop));
    wavelet.color = static_cast<uint32_t>(arriving_color(routers_[*next], opposite[out], wavelet.color, env_.now)) & 31;
    enter(*next, *routers_[*next].find(wavelet.color), opposite[out], wavelet);
}

// ---------------------------------------------------------------------------------------------------- ramps

// Output queues take turns; a wavelet waits while the router's queue for its color is full.
void Region::take_from_pe(uint32_t number) {
    Pe& pe = pes_[number];
    const int queues = static_cast<int>(pe.outputs.size());
    bool waiting = false;
    for (int i = 1; i <= queues; ++i) {
        const int q = (pe.last_output + i) % queues;
        WaveletQueue& queue = pe.outputs[static_cast<size_t>(q)].wavelets;
        if (queue.empty()) continue;
        waiting = true;
        if (pe.ramp_free > env_.now) {
            next_event_ = std::min(next_event_, pe.ramp_free);
            continue;
        }
        Wavelet wavelet = queue.front();
        ColorState* color = routers_[number].find(wavelet.color);
        if (!color) throw Fault("sends on color " + std::to_string(wavelet.color) + ", which has no route here");
        if (color->full(side_ramp)) continue;
        queue.pop();
        if (queue.empty()) pe.sending &= ~(uint32_t{1} << q);
        wavelet.set_ready(std::max(env_.now + 1, wavelet.born_at(env_.now) + static_cast<uint64_t>(machine_.fabric.ramp_out)));
        routers_[number].push(*color, side_ramp, arenas_, number) = wavelet;
        busy_routers_.add(number);
        pe.ramp_free = env_.now + static_cast<uint64_t>(machine_.fabric.link_period);
        pe.last_output = static_cast<int8_t>(q);
        pe.output_drained(q);
        wake(number, env_.now);
        progress_ = true;
        return;
    }
    if (!waiting) busy_ramps_.remove(number);
}

// Control wavelets end at the edge.
void Region::leave(uint32_t number, Side side, const Wavelet& wavelet) {
    if (!wavelet.control) left_.push_back({env_.now, number, side, wavelet});
}

}  // namespace wafersim
