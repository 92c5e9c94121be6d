// Routers and ramps of the fast engine. Each router decides and moves in one visit: what it needs to know of the start of
// the cycle are queues of its neighbours, and those remember whether a wavelet left them in this cycle.
#include <algorithm>

#include "region.h"

namespace wafersim::fast {

namespace {

constexpr uint8_t bit(Side side) { return static_cast<uint8_t>(1u << side); }

constexpr unsigned all_sides = (1u << side_count) - 1;
constexpr unsigned plain_nowhere = 1u << (ColorState::not_plain >> 4);

constexpr bool is_single(uint32_t set) { return (set & (set - 1)) == 0; }  // of a set that is not empty

// A cycle that is not far away.
inline uint64_t soon(uint64_t cycle) {
    if (cycle == never) __builtin_unreachable();
    return cycle;
}

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
ColorState* FastRegion::target_of(uint32_t number, Side out, const Wavelet& wavelet) {
    const uint32_t number_of_next = number + static_cast<uint32_t>(offset_[out]);
    Router& next = routers_[number_of_next];
    ColorState* state = next.find(wavelet.color);
    if (state && state->is_settled(env_.now)) return state;
    const int color = arriving_color(next, opposite[out], wavelet.color, env_.now);
    if (!next.find_at_start(color, env_.now)) no_route(image_, out, number_of_next, color);
    return next.find(color);
}

void FastRegion::pass_on(uint32_t number, Side out, ColorState& target, Wavelet wavelet) {
    const uint32_t next = number + static_cast<uint32_t>(offset_[out]);
    take_link(number, out);
    wavelet.color = static_cast<uint32_t>(target.color) & 31;
    wavelet.set_ready(env_.now + hop_);
    routers_[next].push(target, opposite[out], arenas_, next) = wavelet;
    agenda_.at(next, env_.now + hop_);
}

// The queue of the PE for wavelets of the color; nullptr: it has none, or no room.
inline WaveletQueue* FastRegion::room_at(Pe& pe, int8_t color) {
    const int channel = pe.channel_of_color[static_cast<size_t>(color)];
    if (channel < 0) return nullptr;
    WaveletQueue& queue = pe.channels[static_cast<size_t>(channel)].wavelets;
    if (queue.full()) return nullptr;
    pe.filled |= uint32_t{1} << channel;
    return &queue;
}

// Whether a wavelet may go on as it is to this queue of a neighbour, as far as the start of the cycle says.
inline FastRegion::Attempt FastRegion::look_at(ColorState& target, Side side, uint64_t now) {
    if (target.surely_takes(side)) return Attempt::moves;
    if (!target.is_settled(now)) return Attempt::is_not_plain;
    target.keep_settled();
    return target.was_full(side, now) ? Attempt::stays : Attempt::moves;
}

// Queues of a router that have had no wavelets before.
[[gnu::noinline, gnu::cold]] void FastRegion::add_ring(uint32_t number, ColorState& color, Side side) {
    color.add_ring(side, arenas_.of(number));
}

// A wavelet of the color has gone: its turn comes again after the others.
inline FastRegion::Attempt FastRegion::served(Router& router, ColorState& color, uint32_t mark) {
    color.served = ++router.services;
    if (color.waiting) return Attempt::stays;
    router.waiting_slots &= ~mark;
    return Attempt::waits;
}

// The wavelet that most are: data, of a color with one side in and one side out. `closed`: outputs that take more than a
// look at a queue, `taken` those that are taken.
inline FastRegion::Attempt FastRegion::move_plain(uint32_t number, Router& router, ColorState& color, uint32_t mark,
                                                  unsigned closed, unsigned& taken, uint64_t now) {
    const unsigned to = color.plain >> 4;
    const auto from = static_cast<Side>(color.plain & 15);
    if ((closed >> to & 1) || color.empty(from)) return Attempt::is_not_plain;
    const Wavelet& wavelet = color.front(from);
    if (!wavelet.is_ready(now)) {
        agenda_.at(number, soon(wavelet.ready_at(now)));
        return color.waiting == color.size(from) ? Attempt::waits : Attempt::stays;
    }
    if (wavelet.is_special()) return Attempt::is_not_plain;
    if (taken >> to & 1) return Attempt::stays;
    if (to == side_ramp) {
        Pe& pe = pes_[number];
        WaveletQueue* const queue = room_at(pe, color.color);
        if (!queue) {  // nothing changes before the PE acts: see `release`
            router.held |= mark;
            return Attempt::waits;
        }
        const uint64_t ready = now + ramp_in_;
        queue->push(*pe.arena).take_over(wavelet, ready);
        if (ready < wake_[number]) wake(number, ready);
    } else {
        const int offset = offset_[to];
        Router& next = (&router)[offset];
        const int slot = next.slot[static_cast<size_t>(color.color)];
        if (slot < 0) [[unlikely]] return Attempt::is_not_plain;
        ColorState& target = next.colors[slot];
        const Side side = opposite[to];
        const Attempt attempt = look_at(target, side, now);
        if (attempt != Attempt::moves) [[unlikely]] return attempt;
        const uint32_t number_of_next = number + static_cast<uint32_t>(offset);
        if (!target.has_ring(side)) [[unlikely]] add_ring(number_of_next, target, side);
        target.push(side).take_over(wavelet, now + hop_);
        next.waiting_slots |= uint32_t{1} << slot;
        agenda_.at(number_of_next, soon(now + hop_));
    }
    taken |= 1u << to;
    color.last_side = from;
    color.pop(from, now);
    progress_ = true;
    ++env_.stats.wavelet_moves;
    return served(router, color, mark);
}

// Any wavelet of the color, if one can go.
[[gnu::noinline]] FastRegion::Attempt FastRegion::move_any(uint32_t number, ColorState& color, uint32_t mark, unsigned& taken) {
    const auto slot = static_cast<uint8_t>(std::countr_zero(mark));
    auto outputs = static_cast<uint8_t>(taken);
    next_event_ = never;
    Router& router = routers_[number];
    Attempt attempt = router.messages.routes(color.color) ? move_message(number, slot, outputs)
                                                          : move_color(number, color, slot, outputs);
    if (attempt == Attempt::moves) attempt = served(router, color, mark);
    agenda_.at(number, next_event_);
    taken = outputs;
    return attempt;
}

// Colors take turns: those that were served longest ago come first.
void FastRegion::visit_router(uint32_t number) {
    Router& router = routers_[number];
    const uint64_t now = env_.now;
    const unsigned closed = plain_links_ && !router.messages.enabled ? router.edges | plain_nowhere : ~0u;
    unsigned taken = 0;             // outputs
    for (uint32_t rest = router.slots_to_try(); rest;) {
        const unsigned slot = longest_unserved(router, rest);
        const uint32_t mark = uint32_t{1} << slot;
        rest ^= mark;
        ColorState& color = router.colors[slot];
        Attempt attempt = move_plain(number, router, color, mark, closed, taken, now);
        if (attempt == Attempt::is_not_plain) [[unlikely]] {
            unsigned outputs = taken;
            attempt = move_any(number, color, mark, outputs);
            taken = outputs;
        }
        if (attempt == Attempt::stays) agenda_.retry_at(number, now + 1);
    }
}

// For observers, whom the reference engine's way of moving wavelets tells everything.
void FastRegion::visit_router_watched(uint32_t number) {
    Router& router = routers_[number];
    unsigned taken = 0;
    each_in_turn(router, router.slots_to_try(), [&](int slot) {
        const Attempt attempt = move_any(number, router.colors[slot], uint32_t{1} << slot, taken);
        if (attempt == Attempt::stays) agenda_.retry_at(number, env_.now + 1);
    });
}

// The PE has acted: who waits for room in one of its queues may find it in the next cycle.
void FastRegion::release(uint32_t number, uint32_t held) {
    Router& router = routers_[number];
    const Pe& pe = pes_[number];
    each_bit(router.held, [&](int slot) {
        const int channel = pe.channel_of_color[static_cast<size_t>(router.colors[slot].color)];
        if (channel >= 0 && !pe.channels[static_cast<size_t>(channel)].wavelets.full()) router.held &= ~(uint32_t{1} << slot);
    });
    if (held & ~router.held) agenda_.retry_at(number, env_.now + 1);
}

FastRegion::Attempt FastRegion::move_message(uint32_t number, uint8_t slot, uint8_t& taken) {
    moves_.clear();
    if (routers_[number].colors[slot].teardown || !decide_message(number, slot, taken)) return Attempt::stays;
    carry_out(moves_.back());
    return Attempt::moves;
}

// Moves one wavelet of the color, if one can go.
FastRegion::Attempt FastRegion::move_color(uint32_t number, ColorState& color, uint8_t slot, uint8_t& taken) {
    const Route route = color.route;
    if (color.teardown || route.tx == 0) return Attempt::stays;
    int on_their_way = 0;
    // The sides of the route in turn, mostly one; `rest` begins with the one whose turn it is.
    const unsigned accepted = route.rx & all_sides, before = ((2u << color.last_side) - 1) & all_sides;
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
        color.last_side = side;
        carry(number, {number, slot, side, outputs}, route, targets);
        return Attempt::moves;
    }
    return color.waiting == on_their_way ? Attempt::waits : Attempt::stays;
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
        if (routers_[number].edges >> out & 1) {
            deliver(number, out, wavelet);
        } else {
            pass_on(number, out, *targets[out], wavelet);
        }
    }
    if (!teardown) return;
    pes_[number].start_teardown(color.color);
    wake(number, env_.now);
}

namespace {

[[noreturn, gnu::noinline, gnu::cold]] void no_route_here(uint32_t color) {
    throw Fault("sends on color " + std::to_string(color) + ", which has no route here");
}

}  // namespace

// From an output queue, which has wavelets, to the router. Who waits for room in it is woken only if there was none.
inline bool FastRegion::send(uint32_t number, Pe& pe, int q) {
    const uint64_t now = env_.now;
    WaveletQueue& queue = pe.outputs[static_cast<size_t>(q)].wavelets;
    const Wavelet& wavelet = queue.front();
    Router& router = routers_[number];
    const int slot = router.slot[wavelet.color];
    if (slot < 0) [[unlikely]] no_route_here(wavelet.color);
    ColorState& color = router.colors[slot];
    if (color.full(side_ramp)) return false;
    if (!color.has_ring(side_ramp)) [[unlikely]] add_ring(number, color, side_ramp);
    const uint64_t ready = std::max(now + 1, wavelet.born_at(now) + ramp_out_);
    color.push(side_ramp).take_over(wavelet, ready);
    router.waiting_slots |= uint32_t{1} << slot;
    agenda_.at(number, soon(ready));
    const bool was_full = queue.full();
    queue.pop();
    if (queue.empty()) pe.sending &= ~(uint32_t{1} << q);
    pe.ramp_free = now + link_period_;
    pe.last_output = static_cast<int8_t>(q);
    progress_ = true;
    if (was_full || pe.output_flush) [[unlikely]] {
        pe.output_drained(q);
        wake(number, now);
    }
    return true;
}

void FastRegion::visit_ramp(uint32_t number) {
    Pe& pe = pes_[number];
    if (!pe.sending || pe.ramp_free > env_.now) return;
    if (is_single(pe.sending)) (void)send(number, pe, std::countr_zero(pe.sending));
    else send_in_turn(number, pe);
}

// Output queues take turns, as in Mesh::take_from_pe.
[[gnu::noinline]] void FastRegion::send_in_turn(uint32_t number, Pe& pe) {
    const uint32_t after = pe.sending & ~((uint32_t{2} << pe.last_output) - 1);
    for (const uint32_t part : {after, pe.sending & ~after}) {
        for (uint32_t rest = part; rest; rest &= rest - 1) {
            if (send(number, pe, std::countr_zero(rest))) return;
        }
    }
}

}  // namespace wafersim::fast
