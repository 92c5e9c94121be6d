// Routers and ramps of the fast engine. Each router decides and moves in one visit: what it needs to know of the start of
// the cycle are queues of its neighbours, and those remember whether a wavelet left them in this cycle.
#include <algorithm>

#include "region.h"

namespace wafersim::fast {

namespace {

constexpr uint8_t bit(Side side) { return static_cast<uint8_t>(1u << side); }

constexpr bool is_single(uint32_t set) { return set && (set & (set - 1)) == 0; }

}  // namespace

// By router: the outputs that lead out of the mesh.
void FastRegion::find_edges() {
    for (uint32_t i = 0; i < routers_.size(); ++i) {
        routers_[i].edges = host;
        for (const Side side : {side_east, side_west, side_south, side_north})
            if (!neighbour(image_, i, side)) routers_[i].edges |= bit(side);
    }
    const int width = image_.width;
    offset_ = {0, 1, -1, width, -width, 0};
}

// The color in the next router that takes the wavelet.
inline ColorState* FastRegion::target_of(uint32_t number, Side out, const Wavelet& wavelet) {
    Router& next = routers_[number + static_cast<uint32_t>(offset_[out])];
    ColorState* state = next.find(wavelet.color);
    const bool usual = state && !state->changed(env_.now) && !state->swap_x && !state->swap_y;
    return usual ? state : unusual_target_of(number, out, wavelet);
}

// With color swap, or where registers have changed the color in this cycle.
ColorState* FastRegion::unusual_target_of(uint32_t number, Side out, const Wavelet& wavelet) {
    (void)has_room(number, out, wavelet);  // throws where there is no route, with the reason
    Router& next = routers_[number + static_cast<uint32_t>(offset_[out])];
    return next.find(arriving_color(next, opposite[out], wavelet.color, env_.now));
}

inline void FastRegion::pass_on(uint32_t number, Side out, ColorState& target, Wavelet wavelet) {
    const uint32_t next = number + static_cast<uint32_t>(offset_[out]);
    const uint64_t ready = env_.now + static_cast<uint64_t>(machine_.fabric.hop);
    take_link(number, out);
    wavelet.color = static_cast<uint32_t>(target.color) & 31;
    wavelet.set_ready(ready);
    routers_[next].push(target, opposite[out], wavelet, arenas_, next);
    agenda_.at(next, ready);
}

// Nothing of the color can move: it waits for others, or only for the time that these wavelets take.
inline bool FastRegion::stays(const ColorState& color, int on_their_way) {
    if (color.waiting != on_their_way) retry_ = true;
    return false;
}

// As move_color, for a data wavelet from the one side that the route accepts to its one output.
inline bool FastRegion::move_plain(uint32_t number, ColorState& color, Side from, Side to, uint8_t taken) {
    Wavelet wavelet = color.front(from);
    if (!wavelet.is_ready(env_.now)) {
        next_event_ = std::min(next_event_, wavelet.ready_at(env_.now));
        return stays(color, color.size(from));
    }
    if (taken >> to & 1) return stays(color, 0);
    if (to == side_ramp) {
        Pe& pe = pes_[number];
        const int channel = pe.channel_of_color[wavelet.color];
        if (channel < 0 || pe.channels[static_cast<size_t>(channel)].wavelets.full()) return stays(color, 0);
        const uint64_t ready = env_.now + static_cast<uint64_t>(machine_.fabric.ramp_in);
        wavelet.set_ready(ready);
        pe.channels[static_cast<size_t>(channel)].wavelets.push(wavelet, *pe.arena);
        pe.filled |= uint32_t{1} << channel;
        wake(number, ready);
    } else {
        ColorState* target = target_of(number, to, wavelet);
        if (target->was_full(opposite[to], env_.now)) return stays(color, 0);
        pass_on(number, to, *target, wavelet);
    }
    color.next_side = static_cast<Side>(from + 1 < side_count ? from + 1 : 0);
    color.pop(from, env_.now);
    progress_ = true;
    ++env_.stats.wavelet_moves;
    return true;
}

inline bool FastRegion::moves(uint32_t number, const Router& router, ColorState& color, uint8_t slot, uint8_t& taken) {
    if (color.plain != ColorState::not_plain && plain_links_ && !color.filtered && !color.teardown && !router.messages.enabled) {
        const auto from = static_cast<Side>(color.plain & 15), to = static_cast<Side>(color.plain >> 4);
        if (!color.empty(from) && !(router.edges >> to & 1) && !color.front(from).control && !color.front(from).advance_switch) {
            if (!move_plain(number, color, from, to, taken)) return false;
            taken |= bit(to);
            return true;
        }
    }
    if (router.messages.routes(color.color)) return move_message(number, slot, taken);
    return move_color(number, color, slot, taken);
}

// Colors take turns: those that were served longest ago come first.
void FastRegion::visit_router(uint32_t number) {
    Router& router = routers_[number];
    if (!router.waiting_slots) return;
    retry_ = false;
    next_event_ = never;
    uint8_t taken = 0;
    each_waiting_color(router, [&](int slot) {
        ColorState& color = router.colors[slot];
        if (!moves(number, router, color, static_cast<uint8_t>(slot), taken)) return;
        color.served = ++router.services;
        if (color.waiting) retry_ = true;
        else router.waiting_slots &= ~(uint32_t{1} << slot);
    });
    agenda_.at(number, next_event_);
    if (retry_) agenda_.retry_at(number, env_.now + 1);
}

bool FastRegion::move_message(uint32_t number, uint8_t slot, uint8_t& taken) {
    moves_.clear();
    const ColorState& color = routers_[number].colors[slot];
    if (color.teardown || !decide_message(number, slot, taken)) return stays(color, 0);
    carry_out(moves_.back());
    return true;
}

// Moves one wavelet of the color, if one can go.
bool FastRegion::move_color(uint32_t number, ColorState& color, uint8_t slot, uint8_t& taken) {
    const Route route = color.route;
    if (color.teardown || route.tx == 0) return stays(color, 0);
    int on_their_way = 0;
    // The sides of the route in turn, mostly one; `rest` begins with the one whose turn it is.
    const unsigned accepted = route.rx & ((1u << side_count) - 1), before = (1u << color.next_side) - 1;
    for (unsigned rest = (accepted & ~before) | (accepted & before) << side_count; rest; rest &= rest - 1) {
        const int turn = std::countr_zero(rest);
        const Side side = static_cast<Side>(turn < side_count ? turn : turn - side_count);
        if (color.empty(side)) continue;
        const Wavelet& wavelet = color.front(side);
        if (!wavelet.is_ready(env_.now)) {
            next_event_ = std::min(next_event_, wavelet.ready_at(env_.now));
            on_their_way += color.size(side);
            continue;
        }
        uint8_t outputs = route.tx;
        if ((outputs & ramp) && (ignored_by_pe(wavelet) || filtered(number, color, wavelet)))
            outputs &= static_cast<uint8_t>(~ramp);
        Targets targets;
        if ((outputs & taken) || !find_room(number, outputs, wavelet, targets)) continue;
        taken |= outputs;
        color.next_side = static_cast<Side>(side + 1 < side_count ? side + 1 : 0);
        carry(number, {number, slot, side, outputs}, route, targets);
        return true;
    }
    return stays(color, on_their_way);
}

bool FastRegion::find_room(uint32_t number, uint8_t outputs, const Wavelet& wavelet, Targets& targets) {
    for (unsigned rest = outputs; rest; rest &= rest - 1) {
        const auto out = static_cast<Side>(std::countr_zero(rest));
        if (link_taken(number, out)) return false;
        if (out == side_ramp) {
            if (!pes_[number].receive(wavelet, false)) return false;
        } else if (routers_[number].edges >> out & 1) {
            if (!has_room(number, out, wavelet)) return false;
        } else {
            targets[out] = target_of(number, out, wavelet);
            if (targets[out]->was_full(opposite[out], env_.now)) return false;
        }
    }
    return true;
}

void FastRegion::carry(uint32_t number, const Move& move, Route route, const Targets& targets) {
    Router& router = routers_[number];
    ColorState& color = router.colors[move.slot];
    Wavelet wavelet = color.front(move.from);
    router.pop(move.slot, move.from, env_.now);
    progress_ = true;
    ++env_.stats.wavelet_moves;
    for (const auto& observer : env_.observers)
        observer->wavelet_moved(env_.now, pes_[number].x, pes_[number].y, move.from, move.to, wavelet);
    if (route.tx & ramp) {
        if (!(move.to & ramp) && !ignored_by_pe(wavelet)) ++env_.stats.filtered;
        if (color.filtered) filter_count(color.own_extras(arenas_.of(number)).filter, wavelet);
        if (move.to & ramp) deliver(number, side_ramp, wavelet);
    }
    bool teardown = false;
    if (wavelet.control) teardown = obey_command(color, wavelet);
    if (wavelet.advance_switch) advance_switch(color);
    wavelet.advance_switch = false;
    for (unsigned rest = move.to & ~unsigned{ramp}; rest; rest &= rest - 1) {
        const auto out = static_cast<Side>(std::countr_zero(rest));
        if (routers_[number].edges >> out & 1) deliver(number, out, wavelet);
        else pass_on(number, out, *targets[out], wavelet);
    }
    if (!teardown) return;
    pes_[number].start_teardown(color.color);
    wake(number, env_.now);
}

// Output queues take turns, as in Mesh::take_from_pe; who waits for room is woken only if there was none.
void FastRegion::visit_ramp(uint32_t number) {
    Pe& pe = pes_[number];
    if (!pe.sending || pe.ramp_free > env_.now) return;
    if (is_single(pe.sending)) {
        send(number, pe, std::countr_zero(pe.sending));
        return;
    }
    const uint32_t after = pe.sending & ~((uint32_t{2} << pe.last_output) - 1);
    for (const uint32_t part : {after, pe.sending & ~after}) {
        for (uint32_t rest = part; rest; rest &= rest - 1) {
            if (send(number, pe, std::countr_zero(rest))) return;
        }
    }
}

bool FastRegion::send(uint32_t number, Pe& pe, int q) {
    WaveletQueue& queue = pe.outputs[static_cast<size_t>(q)].wavelets;
    Wavelet wavelet = queue.front();
    Router& router = routers_[number];
    ColorState* color = router.find(wavelet.color);
    if (!color) throw Fault("sends on color " + std::to_string(wavelet.color) + ", which has no route here");
    if (color->full(side_ramp)) return false;
    const bool was_full = queue.full();
    queue.pop();
    if (queue.empty()) pe.sending &= ~(uint32_t{1} << q);
    wavelet.set_ready(std::max(env_.now + 1, wavelet.born_at(env_.now) + static_cast<uint64_t>(machine_.fabric.ramp_out)));
    router.push(*color, side_ramp, wavelet, arenas_, number);
    agenda_.at(number, wavelet.ready_at(env_.now));
    pe.ramp_free = env_.now + static_cast<uint64_t>(machine_.fabric.link_period);
    pe.last_output = static_cast<int8_t>(q);
    if (was_full || pe.output_flush) {
        pe.output_drained(q);
        wake(number, env_.now);
    }
    progress_ = true;
    return true;
}

}  // namespace wafersim::fast
