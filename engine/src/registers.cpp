// Configuration registers (docs/registers.md): what programs read and write by address.
#include <algorithm>
#include <utility>

#include "wafersim/pe.h"

namespace wafersim {

namespace {

// The register map has its own order of sides: WEST, EAST, SOUTH, NORTH, RAMP from bit 0.
constexpr std::array<uint8_t, 5> register_sides{west, east, south, north, ramp};
// Numbers of a side in a switch position.
constexpr std::array<uint8_t, 8> switch_sides{west, east, south, north, ramp, 0, 0, 0};
constexpr int invalid_position = 5;

uint16_t sides_to_bits(uint8_t mask) {
    uint16_t bits = 0;
    for (size_t i = 0; i < register_sides.size(); ++i)
        if (mask & register_sides[i]) bits |= static_cast<uint16_t>(1u << i);
    return bits;
}

uint8_t bits_to_sides(unsigned bits) {
    uint8_t mask = 0;
    for (size_t i = 0; i < register_sides.size(); ++i)
        if (bits >> i & 1) mask |= register_sides[i];
    return mask;
}

unsigned side_number(uint8_t mask) {
    for (size_t i = 0; i < switch_sides.size(); ++i)
        if (switch_sides[i] && (mask & switch_sides[i])) return static_cast<unsigned>(i);
    return invalid_position;
}

// ------------------------------------------------------------------------------------------- color registers

uint16_t color_config(const ColorState& c) {
    return static_cast<uint16_t>(sides_to_bits(c.base.tx) | sides_to_bits(c.base.rx) << 5 | c.swap_y << 10 |
                                 c.swap_x << 11 | static_cast<unsigned>(c.pop_mode) << 12 | c.teardown << 14);
}

void set_color_config(Pe& pe, ColorState& c, uint16_t value) {
    c.base.tx = static_cast<uint8_t>(bits_to_sides(value) | (c.base.tx & host));
    c.base.rx = static_cast<uint8_t>(bits_to_sides(value >> 5) | (c.base.rx & host));
    c.swap_y = value >> 10 & 1;
    c.swap_x = value >> 11 & 1;
    c.pop_mode = static_cast<PopMode>(value >> 12 & 3);
    c.teardown = value >> 14 & 1;
    if (!c.teardown && pe.own_extras) pe.own_extras->teardown_pending &= ~(uint32_t{1} << c.color);
    c.settle_route();
}

// A field of SWITCH_CONFIG names one side; the other side, if it is replaced too, is in SWITCH_TX.
uint16_t switch_config(const ColorState& c) {
    unsigned value = static_cast<unsigned>(c.ring_mode) << 12 | static_cast<unsigned>(c.position) << 13;
    for (unsigned i = 0; i < 3; ++i) {
        const SwitchPosition& p = c.extras().positions[i];
        const unsigned side = p.invalid ? invalid_position : side_number(p.rx ? p.rx : p.tx);
        value |= (side | (p.rx ? 8u : 0u)) << (4 * i);
    }
    return static_cast<uint16_t>(value);
}

void set_switch_config(ColorState& c, uint16_t value, Arena& arena) {
    auto& positions = c.own_extras(arena).positions;
    c.ring_mode = value >> 12 & 1;
    const int position = value >> 13 & 3;
    const bool moved = position != c.position;
    c.position = static_cast<uint8_t>(position);
    for (unsigned i = 0; i < 3; ++i) {
        const unsigned field = value >> (4 * i) & 15;
        SwitchPosition& p = positions[i];
        const uint8_t both_tx = p.rx && p.tx ? p.tx : uint8_t{0};
        p.invalid = (field & 7) >= invalid_position;
        const uint8_t side = p.invalid ? uint8_t{ramp} : switch_sides[field & 7];  // bit 3 survives without a side
        p.rx = field & 8 ? side : uint8_t{0};
        p.tx = field & 8 ? both_tx : side;
    }
    c.settle_route();
    if (moved && position > 0 && positions[static_cast<size_t>(position) - 1].invalid && !c.teardown) {
        throw Fault("illegal switch: color " + std::to_string(c.color) + " has no position " + std::to_string(position));
    }
}

uint16_t switch_tx(const ColorState& c) {
    unsigned value = 0;
    for (unsigned i = 0; i < 3; ++i) {
        const SwitchPosition& p = c.extras().positions[i];
        if (p.rx && p.tx) value |= (8u | side_number(p.tx)) << (4 * i);
    }
    return static_cast<uint16_t>(value);
}

void set_switch_tx(ColorState& c, uint16_t value, Arena& arena) {
    auto& positions = c.own_extras(arena).positions;
    for (unsigned i = 0; i < 3; ++i) {
        const unsigned field = value >> (4 * i) & 15;
        SwitchPosition& p = positions[i];
        if (field & 8) p.tx = switch_sides[field & 7];
        else if (p.rx) p.tx = 0;
    }
    c.settle_route();
}

// ----------------------------------------------------------------------------------------- queue registers

uint16_t queue_masks(const std::vector<const WaveletQueue*>& queues) {
    unsigned empty = 0, full = 0;
    for (size_t q = 0; q < queues.size() && q < 8; ++q) {
        empty |= static_cast<unsigned>(!queues[q] || queues[q]->empty()) << q;
        full |= static_cast<unsigned>(queues[q] && queues[q]->full()) << q;
    }
    return static_cast<uint16_t>(empty | full << 8);
}

uint16_t input_status(const Pe& pe) {
    std::vector<const WaveletQueue*> queues;
    for (size_t q = 0; q < pe.env->machine.queues.input_depth.size(); ++q) {
        const int channel = pe.channel_of_queue[q];
        queues.push_back(channel < 0 ? nullptr : &pe.channels[static_cast<size_t>(channel)].wavelets);
    }
    return queue_masks(queues);
}

uint16_t output_status(const Pe& pe) {
    std::vector<const WaveletQueue*> queues;
    for (const OutputQueue& queue : pe.outputs) queues.push_back(&queue.wavelets);
    return queue_masks(queues);
}

uint16_t input_config(const Pe& pe, size_t queue) {
    const int channel = pe.channel_of_queue[queue];
    if (channel < 0) return 0;
    const Channel& c = pe.channels[static_cast<size_t>(channel)];
    return static_cast<uint16_t>((c.color & 31) << 4 | c.filter_enabled << 9);
}

void set_input_config(Pe& pe, size_t queue, uint16_t value) {
    pe.bind_input(static_cast<int>(queue), value >> 4 & 31);
    pe.channels[static_cast<size_t>(pe.channel_of_queue[queue])].filter_enabled = value >> 9 & 1;
}

uint16_t word(uint64_t value, int index) { return static_cast<uint16_t>(value >> (16 * index)); }

void set_word(uint64_t& value, int index, uint16_t word) {
    value = (value & ~(uint64_t{0xffff} << (16 * index))) | uint64_t{word} << (16 * index);
}

void set_clock_control(Pe& pe, uint16_t value) {
    PeExtras& extras = pe.extras();
    extras.clock_base = value & 2 ? 0 : pe.clock();
    extras.clock_start = pe.env->now;
    extras.clock_running = value & 1;
}

OutputQueue& output_of(Pe& pe, int queue) {
    if (static_cast<size_t>(queue) >= pe.outputs.size())
        throw Fault("output queue " + std::to_string(queue) + " does not exist");
    return pe.outputs[static_cast<size_t>(queue)];
}

struct Place {
    RegisterId id;
    int index;
};

bool find_register(const Machine& machine, uint16_t address, Place& place) {
    place.id = machine.register_at[address];
    if (place.id == RegisterId::count) return false;
    place.index = address - machine.registers[static_cast<size_t>(place.id)].address;
    return true;
}

bool of_color(RegisterId id) { return id <= RegisterId::FILTER_DROP_COUNT; }

// Entries of the filter's period counts are two words a color.
int color_of(const Place& p) {
    return p.id == RegisterId::FILTER_PASS_COUNT || p.id == RegisterId::FILTER_DROP_COUNT ? p.index / 2 : p.index;
}

uint16_t read_color(const ColorState& c, const Place& p) {
    const FilterState& filter = c.extras().filter;
    const Filter& f = filter.config;
    switch (p.id) {
    case RegisterId::COLOR_CONFIG: return color_config(c);
    case RegisterId::SWITCH_CONFIG: return switch_config(c);
    case RegisterId::SWITCH_TX: return switch_tx(c);
    case RegisterId::FILTER_COUNTER: return static_cast<uint16_t>(filter.counter);
    case RegisterId::FILTER_MAX_COUNTER: return static_cast<uint16_t>(f.max_counter);
    case RegisterId::FILTER_LIMIT: return static_cast<uint16_t>(f.limit1);
    case RegisterId::FILTER_STATE: return filter.dropping;
    case RegisterId::FILTER_PASS_COUNT: return word(static_cast<uint64_t>(f.limit1), p.index % 2);
    default: return word(static_cast<uint64_t>(f.limit2), p.index % 2);
    }
}

void write_color(Pe& pe, ColorState& c, const Place& p, uint16_t value) {
    Arena& arena = *pe.arena;
    FilterState& filter = c.own_extras(arena).filter;
    Filter& f = filter.config;
    const auto half = [&](int& field) {
        uint64_t whole = static_cast<uint64_t>(field);
        set_word(whole, p.index % 2, value);
        field = static_cast<int>(whole);
    };
    switch (p.id) {
    case RegisterId::COLOR_CONFIG: set_color_config(pe, c, value); break;
    case RegisterId::SWITCH_CONFIG: set_switch_config(c, value, arena); break;
    case RegisterId::SWITCH_TX: set_switch_tx(c, value, arena); break;
    case RegisterId::FILTER_COUNTER: filter.counter = value; break;
    case RegisterId::FILTER_MAX_COUNTER: f.max_counter = value; break;
    case RegisterId::FILTER_LIMIT: f.limit1 = value; break;
    case RegisterId::FILTER_STATE: filter.dropping = value & 1; break;
    case RegisterId::FILTER_PASS_COUNT: half(f.limit1); break;
    default: half(f.limit2); break;
    }
}

void check_address(uint16_t address) {
    if (address < first_register) throw Fault("configuration address " + std::to_string(address) + " does not exist");
}

uint16_t plain_register(const Pe& pe, uint16_t address) {
    const auto& written = pe.extras().plain_registers;
    const auto found = written.find(address);
    if (found != written.end()) return found->second;
    return address == pe.env->machine.registers[static_cast<size_t>(RegisterId::EXCEPTION_MASK)].address ? 0xffff : 0;
}

}  // namespace

uint16_t Pe::read_register(uint16_t address) {
    check_address(address);
    Place p{};
    if (!find_register(env->machine, address, p)) return plain_register(*this, address);
    if (of_color(p.id)) {
        const ColorState* c = router.find(color_of(p));
        return c ? read_color(*c, p) : uint16_t{0};
    }
    switch (p.id) {
    case RegisterId::TEARDOWN_PENDING: {
        const uint16_t value = word(extras().teardown_pending, p.index);
        extras().teardown_pending &= ~(uint32_t{0xffff} << (16 * p.index));
        return value;
    }
    case RegisterId::IQ_FLUSH_STATUS: return std::as_const(*this).extras().input_flush_status;
    case RegisterId::OQ_FLUSH_STATUS: return std::as_const(*this).extras().output_flush_status;
    case RegisterId::IQ_STATUS: return input_status(*this);
    case RegisterId::OQ_STATUS: return output_status(*this);
    case RegisterId::TASK_PRIORITY: return word(high_priority, p.index);
    case RegisterId::MAIN_THREAD_PRIORITY: return static_cast<uint16_t>(main_priority);
    case RegisterId::CONTROL_TRANSFORM_MASK: return std::as_const(*this).extras().control_mask;
    case RegisterId::TIMESTAMP_COUNTER:  // the low word is read first and keeps the others
        if (p.index == 0) extras().clock_read = clock();
        return word(extras().clock_read, p.index);
    case RegisterId::PERF_COUNTER_CONTROL: return std::as_const(*this).extras().clock_running;
    case RegisterId::PERF_COUNTER_0: return word(main_cycles, p.index);
    case RegisterId::PERF_COUNTER_1: return word(thread_cycles, p.index);
    case RegisterId::MESSAGE_MODE:
        return static_cast<uint16_t>(router.messages.enabled << 15 | router.messages.first);
    case RegisterId::FABRIC_COORD: return static_cast<uint16_t>(p.index == 0 ? x : y);
    case RegisterId::IQ_CONFIG: return input_config(*this, static_cast<size_t>(p.index));
    case RegisterId::OQ_CONFIG: return static_cast<uint16_t>((output_of(*this, p.index).color & 31) << 4);
    default: return plain_register(*this, address);
    }
}

void Pe::write_register(uint16_t address, uint16_t value) {
    check_address(address);
    Place p{};
    if (!find_register(env->machine, address, p)) {
        extras().plain_registers[address] = value;
        return;
    }
    router.held = 0;  // wavelets may have somewhere else to go now
    if (of_color(p.id)) {
        const int color = color_of(p);
        const bool exists = router.find(color);
        ColorState& c = exists ? *router.find(color) : router.add_color(color, env->machine, *arena);
        c.change(env->now, exists);
        write_color(*this, c, p, value);
        return;
    }
    switch (p.id) {
    case RegisterId::IQ_FLUSH_STATUS: extras().input_flush_status = value; break;
    case RegisterId::OQ_FLUSH_STATUS: extras().output_flush_status = value; break;
    case RegisterId::TASK_PRIORITY: set_word(high_priority, p.index, value); break;
    case RegisterId::MAIN_THREAD_PRIORITY: main_priority = static_cast<int8_t>(value & 3); break;
    case RegisterId::CONTROL_TRANSFORM_MASK: extras().control_mask = value & 63; break;
    case RegisterId::PERF_COUNTER_CONTROL: set_clock_control(*this, value); break;
    case RegisterId::MESSAGE_MODE:
        router.messages.enabled = value >> 15;
        router.messages.first = value & 31;
        break;
    case RegisterId::IQ_CONFIG: set_input_config(*this, static_cast<size_t>(p.index), value); break;
    case RegisterId::OQ_CONFIG:
        output_of(*this, p.index).color = static_cast<int8_t>((value >> 4 & 31) == 31 ? none : value >> 4 & 31);
        break;
    default: extras().plain_registers[address] = value;
    }
}

}  // namespace wafersim
