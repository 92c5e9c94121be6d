// Sets up a router from its color configurations.
#include "wafersim/router.h"

#include <algorithm>

namespace wafersim {

const ColorExtras ColorState::no_extras{};

ColorExtras& ColorState::own_extras(Arena& arena) {
    if (!extras_) extras_ = arena.take<ColorExtras>(1);
    return *extras_;
}

void ColorState::set_up_queues(int depth, uint8_t sides, Arena& arena) {
    if (depth < 1 || depth > WaveletQueue::most_wavelets) throw ConfigError("a queue holds 1 to 128 wavelets");
    depth_ = static_cast<uint8_t>(depth);
    mask_ = static_cast<uint8_t>(std::bit_ceil(static_cast<unsigned>(depth)) - 1);
    rings_ = arena.take<Wavelet>(static_cast<size_t>(std::popcount(sides)) * (mask_ + size_t{1}));
    each_bit(sides, [&](int side) { head_[static_cast<size_t>(side)] = new_ring(); });
}

// A wavelet comes in on a side that no route named before.
void ColorState::add_ring(Side side, Arena& arena) {
    const size_t words = mask_ + size_t{1}, known = ring_count_ * words;
    Wavelet* rings = arena.take<Wavelet>(known + words);
    std::copy_n(rings_, known, rings);
    rings_ = rings;
    head_[side] = new_ring();
}

namespace {

void apply(ColorState& state, const ColorConfig& config, Arena& arena) {
    state.base = {config.rx, config.tx};
    state.position = static_cast<uint8_t>(config.position);
    state.ring_mode = config.ring_mode;
    state.pop_mode = config.pop_mode;
    state.swap_x = config.swap_x;
    state.swap_y = config.swap_y;
    state.teardown = config.teardown;
    state.filtered = config.filter.kind != FilterKind::none;
    if (state.filtered || !config.positions.empty() || state.has_extras()) {
        ColorExtras& extras = state.own_extras(arena);
        extras.filter.config = config.filter;
        extras.filter.counter = config.filter.init_counter;
        for (size_t i = 0; i < config.positions.size(); ++i) extras.positions[i] = config.positions[i];
    }
    state.settle_route();
    state.forget_times();
}

// The sides from which wavelets may come.
uint8_t sources(const ColorConfig& config) {
    uint8_t sides = config.rx;
    for (const SwitchPosition& position : config.positions) sides |= position.rx;
    return sides & ((1u << side_count) - 1);
}

ColorState& new_color(Router& router, int color, uint8_t sides, const Machine& machine, Arena& arena) {
    if (router.count == router.room) {
        router.room = static_cast<uint8_t>(router.room + 4);
        ColorState* colors = arena.take<ColorState>(router.room);
        std::copy_n(router.colors, router.count, colors);
        router.colors = colors;
    }
    router.slot[static_cast<size_t>(color)] = static_cast<int8_t>(router.count);
    ColorState& state = router.colors[router.count++];
    state.color = static_cast<int8_t>(color);
    state.served = ++router.services;
    state.set_up_queues(machine.fabric.router_queue, sides, arena);
    return state;
}

}  // namespace

ColorState& Router::add_color(int color, const Machine& machine, Arena& arena) {
    return new_color(*this, color, 0, machine, arena);
}

void Router::restart_services() {
    std::vector<ColorState*> order;
    for (ColorState& color : all()) order.push_back(&color);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->served < b->served; });
    services = 0;
    for (ColorState* color : order) color->served = ++services;
}

void Router::configure(const std::vector<ColorConfig>& configs, const Machine& machine, Arena& arena) {
    room = static_cast<uint8_t>(configs.size());
    colors = arena.take<ColorState>(configs.size());
    for (const ColorConfig& config : configs) {
        ColorState* known = find(config.color);
        apply(known ? *known : new_color(*this, config.color, sources(config), machine, arena), config, arena);
    }
}

}  // namespace wafersim
