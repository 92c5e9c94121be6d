// Sets up a router from its color configurations.
#include "wafersim/router.h"

namespace wafersim {

namespace {

void apply(ColorState& state, const ColorConfig& config) {
    state.base = {config.rx, config.tx, true};
    state.position = config.position;
    state.ring_mode = config.ring_mode;
    state.pop_mode = config.pop_mode;
    state.swap_x = config.swap_x;
    state.swap_y = config.swap_y;
    state.teardown = config.teardown;
    state.filter.config = config.filter;
    state.filter.counter = config.filter.init_counter;
    for (size_t i = 0; i < config.positions.size(); ++i) state.positions[i] = config.positions[i];
}

}  // namespace

ColorState& Router::add_color(int color, const Machine& machine) {
    slot[color] = static_cast<int8_t>(colors.size());
    order.push_back(static_cast<uint8_t>(colors.size()));
    ColorState& state = colors.emplace_back();
    state.color = color;
    state.served = ++services;
    for (SwitchPosition& position : state.positions) position.invalid = true;
    for (WaveletQueue& queue : state.queue) queue.set_depth(machine.fabric.router_queue);
    return state;
}

void Router::configure(const std::vector<ColorConfig>& configs, const Machine& machine) {
    colors.reserve(configs.size());
    for (const ColorConfig& config : configs) {
        ColorState* known = find(config.color);
        apply(known ? *known : add_color(config.color, machine), config);
    }
}

}  // namespace wafersim
