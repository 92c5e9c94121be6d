// Walks over streams in memory, stretch by stretch.
#include "stretch.h"

#include <algorithm>

namespace wafersim::fast {

Stretch stretch_of(const Stream& s) {
    constexpr uint32_t endless = ~uint32_t{0};
    switch (s.kind) {
    case StreamKind::shaped: {
        const int extent = s.shape->extents.back(), at = s.place[s.shape->extents.size() - 1];
        return {element_address(s), s.shape->strides.back() * s.words, static_cast<uint32_t>(extent - at)};
    }
    case StreamKind::circular: {
        const int left = s.shape->start + s.shape->words - s.address;
        return {s.address, s.step, static_cast<uint32_t>((left + s.step - 1) / s.step)};
    }
    case StreamKind::memory: return {s.address, s.step, endless};
    default: return {s.address, 0, endless};
    }
}

void advance(Stream& s, uint32_t count) {
    if (s.kind == StreamKind::shaped) s.place[s.shape->extents.size() - 1] += static_cast<uint16_t>(count - 1);
    else if (in_memory(s)) s.address += s.step * static_cast<int32_t>(count - 1);
    wafersim::advance(s);
}

namespace {

// The nested counters of a shape, and the address that goes with them.
class Counters {
public:
    explicit Counters(Stream& s) : s_(s), last_(s.shape->extents.size() - 1), address_(element_address(s)) {
        for (size_t d = 0; d <= last_; ++d) {
            const int64_t all = int64_t{s.shape->extents[d]} * s.shape->strides[d];
            turn_[d] = ((d > 0 ? s.shape->strides[d - 1] : 0) - all) * s.words;
        }
    }
    int64_t address() const { return address_; }
    uint32_t left() const { return static_cast<uint32_t>(s_.shape->extents[last_] - s_.place[last_]); }
    // Over `count` elements of `step` words, at most those that are left in the stretch.
    void advance(uint32_t count, int32_t step) {
        s_.place[last_] += static_cast<uint16_t>(count);
        address_ += int64_t{step} * count;
        for (size_t d = last_; s_.place[d] == s_.shape->extents[d]; --d) {
            s_.place[d] = 0;
            address_ += turn_[d];
            if (d == 0) break;
            ++s_.place[d - 1];
        }
    }

private:
    Stream& s_;
    size_t last_;
    int64_t address_;
    std::array<int64_t, 4> turn_;  // words from the end of a dimension to where it begins again, one further in the next
};

// Calls f with address and length of each stretch.
template <class F>
void each_stretch(Stream& s, uint32_t count, F f) {
    if (s.kind == StreamKind::shaped) {
        const int32_t step = s.shape->strides.back() * s.words;
        Counters counters(s);
        for (uint32_t length; count > 0; count -= length) {
            length = std::min(count, counters.left());
            f(counters.address(), length);
            counters.advance(length, step);
        }
    } else {
        for (uint32_t length; count > 0; count -= length) {
            const Stretch stretch = stretch_of(s);
            length = std::min(count, stretch.length);
            f(stretch.address, length);
            advance(s, length);
        }
    }
}

template <int words>
void copy(const uint16_t* from, std::ptrdiff_t from_step, uint16_t* to, std::ptrdiff_t to_step, uint32_t count) {
    for (; count > 0; --count, from += from_step, to += to_step) {
        to[0] = from[0];
        if constexpr (words == 2) to[1] = from[1];
    }
}

template <int words>
void gather_words(const uint16_t* memory, Stream& s, uint16_t* row, uint32_t count) {
    const std::ptrdiff_t step = stretch_of(s).step;
    each_stretch(s, count, [&](int64_t address, uint32_t length) {
        copy<words>(memory + address, step, row, words, length);
        row += length * words;
    });
}

template <int words>
void scatter_words(uint16_t* memory, Stream& s, const uint16_t* row, uint32_t count) {
    const std::ptrdiff_t step = stretch_of(s).step;
    each_stretch(s, count, [&](int64_t address, uint32_t length) {
        copy<words>(row, words, memory + address, step, length);
        row += length * words;
    });
}

}  // namespace

void gather(const uint16_t* memory, Stream& s, uint16_t* row, uint32_t count) {
    (s.words == 1 ? gather_words<1> : gather_words<2>)(memory, s, row, count);
}

void scatter(uint16_t* memory, Stream& s, const uint16_t* row, uint32_t count) {
    (s.words == 1 ? scatter_words<1> : scatter_words<2>)(memory, s, row, count);
}

}  // namespace wafersim::fast
