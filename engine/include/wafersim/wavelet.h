// Wavelets and the small queues they wait in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

namespace wafersim {

// 32 bits on their way through the fabric. A control wavelet carries its command string beside the payload, so that
// popping commands does not disturb the data of its control task (docs/registers.md).
struct Wavelet {
    uint32_t data = 0;
    uint32_t commands = 0;        // control: eight commands of three bits, the next one lowest
    uint8_t color = 0;
    bool control = false;
    bool tail = false;            // data: the last of a message (see messages.cpp); data tasks do not get it
    bool advance_switch = false;  // moves the switch of the first router it passes (fabout `.advance_switch`)
    uint64_t ready = 0;           // first cycle at which it may leave the queue it is in
    uint64_t born = 0;            // cycle at which it was sent
};

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
    w.color = static_cast<uint8_t>(color);
    w.control = control;
    if (control) w.commands = command_string(data);
    w.ready = w.born = now;
    return w;
}

// A ring of fixed depth. Its storage is taken when the first wavelet arrives, as most queues are never used.
class WaveletQueue {
public:
    // `capacity`: storage, where the depth may be changed later.
    void set_depth(int depth, int capacity = 0) {
        depth_ = static_cast<uint16_t>(depth);
        capacity_ = static_cast<uint16_t>(std::max({depth, capacity, int{capacity_}}));
    }
    int depth() const { return depth_; }
    int size() const { return count_; }
    bool empty() const { return count_ == 0; }
    bool full() const { return count_ >= depth_; }
    const Wavelet& front() const { return slots_[head_]; }
    const Wavelet& at(int i) const { return slots_[wrapped(head_ + i)]; }
    bool has_ready(uint64_t now, int i = 0) const { return i < count_ && at(i).ready <= now; }

    void push(const Wavelet& w) {
        if (!slots_) slots_ = std::make_unique<Wavelet[]>(capacity_);
        slots_[wrapped(head_ + count_)] = w;
        ++count_;
        if (count_ > most_) most_ = count_;
    }
    void pop() {
        head_ = static_cast<uint16_t>(wrapped(head_ + 1));
        --count_;
    }
    int most() const { return most_; }  // highest filling so far

    // For who moves wavelets one after the other within a cycle: `full` as it was at the cycle's start. One wavelet
    // at most leaves a queue of a router in a cycle.
    void pop_in(uint64_t cycle) {
        pop();
        popped_ = static_cast<uint32_t>(cycle) + 1;
    }
    bool was_full(uint64_t cycle) const { return count_ + (popped_ == static_cast<uint32_t>(cycle) + 1) >= depth_; }

private:
    size_t wrapped(int i) const { return static_cast<size_t>(i < capacity_ ? i : i - capacity_); }

    std::unique_ptr<Wavelet[]> slots_;
    uint16_t depth_ = 0, capacity_ = 0, head_ = 0, count_ = 0, most_ = 0;
    uint32_t popped_ = 0;  // low bits of the cycle after the last pop_in
};

}  // namespace wafersim
