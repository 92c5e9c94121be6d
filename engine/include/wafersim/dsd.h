// The 64-bit form of a data structure descriptor; the layout is that of `src/wafersim/ir/dsd.py`.
#pragma once

#include <cstdint>

namespace wafersim {

enum class DsdKind : uint8_t { none, mem1d, mem4d, circbuf, fabin, fabout, fifo };

struct Dsd {
    static constexpr uint64_t color_bits = uint64_t{0xffff} << 32;  // of one in the fabric
    uint64_t bits = 0;

    uint16_t address() const { return static_cast<uint16_t>(bits); }
    uint16_t length() const { return static_cast<uint16_t>(bits >> 16); }
    int16_t stride() const { return static_cast<int16_t>(bits >> 32); }
    uint16_t extra() const { return static_cast<uint16_t>(bits >> 32); }
    DsdKind kind() const { return static_cast<DsdKind>(bits >> 48 & 7); }
    bool index_offset() const { return bits >> 51 & 1; }
    bool control() const { return bits >> 52 & 1; }
    bool advance_switch() const { return bits >> 53 & 1; }
    bool control_transform() const { return bits >> 54 & 1; }
    bool has_flags() const { return bits >> 54; }  // the rest: control_transform and what follows
    int priority() const { return static_cast<int>(bits >> 55 & 3); }
    int simd() const { return static_cast<int>(bits >> 57 & 3); }
    bool zero_first() const { return bits >> 59 & 1; }
    bool zero_second() const { return bits >> 60 & 1; }

    bool operator==(const Dsd&) const = default;
    bool in_fabric() const { return kind() == DsdKind::fabin || kind() == DsdKind::fabout; }
    bool is_like(Dsd other) const {  // but for the color
        return ((bits ^ other.bits) & ~(in_fabric() ? color_bits : 0)) == 0;
    }
    Dsd with_field(int shift, uint64_t value) const {
        return {(bits & ~(uint64_t{0xffff} << shift)) | (value & 0xffff) << shift};
    }
    Dsd with_address(uint64_t value) const { return with_field(0, value); }
    Dsd with_length(uint64_t value) const { return with_field(16, value); }
    Dsd with_stride(uint64_t value) const { return with_field(32, value); }
};

inline constexpr uint16_t no_color = 0xffff;
inline constexpr uint16_t infinite_length = 0x7fff;

}  // namespace wafersim
