// Wavelets and the small queues they wait in.
//
// Both are kept small, as a mesh has millions. Times are the low 32 bits of a cycle: a wavelet is never compared with a
// cycle further than 2^31 away, as `Region::begin` brings the times of those forward that wait for longer.
#pragma once

#include <bit>
#include <cstdint>

#include "arena.h"
#include "error.h"

namespace wafersim {

// 32 bits on their way through the fabric. A control wavelet carries its command string beside the payload, so that
// popping commands does not disturb the data of its control task (docs/registers.md).
struct Wavelet {
    uint32_t data = 0;
    uint32_t commands : 24 = 0;     // control: eight commands of three bits, the next one lowest
    uint32_t color : 5 = 0;
    uint32_t control : 1 = 0;
    uint32_t tail : 1 = 0;          // data: the last of a message (see messages.cpp); data tasks do not get it
    uint32_t advance_switch : 1 = 0;  // moves the switch of the first router it passes (fabout `.advance_switch`)
    uint32_t ready = 0;             // first cycle at which it may leave the queue it is in; low bits, see ready_at
    uint32_t born = 0;              // cycle at which it was sent; low bits

    bool is_special() const { return control || advance_switch; }  // does more to a router than to pass it
    bool is_ready(uint64_t now) const { return static_cast<int32_t>(ready - static_cast<uint32_t>(now)) <= 0; }
    uint64_t ready_at(uint64_t now) const { return whole(ready, now); }
    uint64_t born_at(uint64_t now) const { return whole(born, now); }
    // The wavelet has come here from `other`.
    void take_over(const Wavelet& other, uint64_t ready_from) {
        *this = other;
        set_ready(ready_from);
    }
    void set_ready(uint64_t cycle) { ready = static_cast<uint32_t>(cycle); }

    // The cycle near `now` with these low bits.
    static uint64_t whole(uint32_t low, uint64_t now) {
        return now + static_cast<uint64_t>(int64_t{static_cast<int32_t>(low - static_cast<uint32_t>(now))});
    }
};
static_assert(sizeof(Wavelet) == 16);

enum class Command : uint8_t { nop, advance, reset, teardown };

inline constexpr uint32_t no_control_task = 31;
inline Command command_of(const Wavelet& w) { return static_cast<Command>(w.commands & 3); }
inline bool ignored_by_pe(const Wavelet& w) { return w.control && (w.commands & 4); }
inline int control_task_of(const Wavelet& w) { return static_cast<int>(w.data >> 16 & 63); }
inline uint32_t command_string(uint32_t payload) { return (payload >> 22 & 0xff) | (payload & 0xffff) << 8; }
// Moves the commands down by one; NOP with "ignore" enters at the top.
inline uint32_t popped(uint32_t commands) { return commands >> 3 | 4u << 21; }

inline Wavelet make_wavelet(uint32_t data, int color, bool control, uint64_t now) {
    Wavelet w;
    w.data = data;
    w.color = static_cast<uint32_t>(color) & 31;
    w.control = control;
    if (control) w.commands = command_string(data) & 0xff'ffff;
    w.ready = w.born = static_cast<uint32_t>(now);
    return w;
}

// A queue of a PE: a ring of fixed depth. Its storage is taken when the first wavelet arrives, or before.
class WaveletQueue {
public:
    static constexpr int most_wavelets = 128;

    // `capacity`: storage, where the depth may be changed later.
    void set_depth(int depth, int capacity = 0) {
        capacity = std::max({depth, capacity, mask_ + 1});
        if (depth < 1 || capacity > most_wavelets) throw ConfigError("a queue holds 1 to 128 wavelets");
        depth_ = static_cast<uint8_t>(depth);
        mask_ = static_cast<uint8_t>(std::bit_ceil(static_cast<unsigned>(capacity)) - 1);
    }
    void take_storage(Arena& arena) {
        if (!ring_) ring_ = arena.take<Wavelet>(size_t{mask_} + 1);
    }
    int depth() const { return depth_; }
    int size() const { return count_; }
    bool empty() const { return count_ == 0; }
    bool full() const { return count_ >= depth_; }
    const Wavelet& front() const { return ring_[head_]; }
    const Wavelet& at(int i) const { return ring_[(head_ + i) & mask_]; }
    Wavelet& at(int i) { return ring_[(head_ + i) & mask_]; }
    bool has_ready(uint64_t now, int i = 0) const { return i < count_ && at(i).is_ready(now); }

    // Room for another wavelet, which the caller writes there.
    Wavelet& push(Arena& arena) {
        if (!ring_) [[unlikely]] take_storage(arena);
        Wavelet& room = ring_[(head_ + count_) & mask_];
        ++count_;
        if (count_ > most_) most_ = count_;
        return room;
    }
    void push(const Wavelet& w, Arena& arena) { push(arena) = w; }
    // One that has become empty begins at its first place again: mostly the first line of the storage is all that is used.
    void pop() {
        --count_;
        head_ = count_ ? static_cast<uint8_t>((head_ + 1) & mask_) : uint8_t{0};
    }
    const Wavelet* storage() const { return ring_; }  // nullptr: none yet
    int most() const { return most_; }  // highest filling so far

private:
    Wavelet* ring_ = nullptr;
    uint8_t depth_ = 0, mask_ = 0, head_ = 0, count_ = 0, most_ = 0;
};

}  // namespace wafersim
