// Switch positions: how control wavelets and `.advance_switch` change the route of a color.
#include "wafersim/router.h"

#include <bit>

namespace wafersim {

// A position replaces one side (or both); the other side stays as the positions before have left it.
void ColorState::settle_route() {
    route = base;
    for (size_t i = 0; i < position; ++i) {
        const SwitchPosition& p = extras().positions[i];
        if (p.invalid) continue;
        if (p.rx) route.rx = p.rx;
        if (p.tx) route.tx = p.tx;
    }
    const bool single = std::has_single_bit(route.rx) && std::has_single_bit(route.tx) && !teardown && !filtered;
    plain = single ? static_cast<uint8_t>(std::countr_zero(route.rx) | std::countr_zero(route.tx) << 4) : not_plain;
}

// To the next position if it is valid; else back to position 0 in ring mode, else nowhere.
void advance_switch(ColorState& color) {
    if (color.position < 3 && !color.extras().positions[color.position].invalid) ++color.position;
    else if (color.ring_mode) color.position = 0;
    color.settle_route();
}

namespace {

bool pops(PopMode mode, Command command, bool moved) {
    switch (mode) {
    case PopMode::no_pop: return false;
    case PopMode::always_pop: return true;
    case PopMode::pop_on_advance: return command == Command::advance && moved;
    case PopMode::pop_on_header: return command != Command::nop;
    }
    return false;
}

}  // namespace

bool obey_command(ColorState& color, Wavelet& wavelet) {
    const Command command = command_of(wavelet);
    const int before = color.position;
    switch (command) {
    case Command::nop: break;
    case Command::advance: advance_switch(color); break;
    case Command::reset:
        color.position = 0;
        color.settle_route();
        break;
    case Command::teardown:
        color.teardown = true;
        color.settle_route();
        break;
    }
    if (pops(color.pop_mode, command, color.position != before)) wavelet.commands = popped(wavelet.commands) & 0xff'ffff;
    return command == Command::teardown;
}

}  // namespace wafersim
