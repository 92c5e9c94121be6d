// Walks over streams in memory, stretch by stretch.
#include "stretch.h"

#include <algorithm>

namespace wafersim::fast {

namespace {

constexpr uint32_t endless = ~uint32_t{0};

// Elements of a circular buffer from an address to its end.
uint32_t left_in_round(const Stream& s, int64_t address) {
    return static_cast<uint32_t>((s.shape->start + s.shape->words - address + s.step - 1) / s.step);
}

template <int words>
void copy(const uint16_t* from, std::ptrdiff_t from_step, uint16_t* to, std::ptrdiff_t to_step, uint32_t count) {
    for (; count > 0; --count, from += from_step, to += to_step) {
        to[0] = from[0];
        if constexpr (words == 2) to[1] = from[1];
    }
}

// Calls f with the number of elements of each stretch that the next `count` elements lie in.
template <class F>
void each_stretch(Walk& walk, uint32_t count, F f) {
    for (uint32_t length; count > 0; count -= length) {
        length = std::min(count, walk.left());
        f(length);
        walk.advance(length);
    }
}

template <int words>
void gather_words(Walk& walk, const uint16_t* memory, uint16_t* row, uint32_t count) {
    each_stretch(walk, count, [&](uint32_t length) {
        copy<words>(memory + walk.address(), walk.step(), row, words, length);
        row += length * words;
    });
}

template <int words>
void scatter_words(Walk& walk, uint16_t* memory, const uint16_t* row, uint32_t count) {
    each_stretch(walk, count, [&](uint32_t length) {
        copy<words>(row, words, memory + walk.address(), walk.step(), length);
        row += length * words;
    });
}

}  // namespace

int32_t step_of(const Stream& s) {
    return s.kind == StreamKind::shaped ? s.shape->strides.back() * s.words : in_memory(s) ? s.step : 0;
}

Walk::Walk(Stream& s) : stream_(&s), address_(element_address(s)), step_(step_of(s)), left_(endless) {
    if (s.kind == StreamKind::circular) left_ = left_in_round(s, address_);
    if (s.kind != StreamKind::shaped) return;
    last_ = s.shape->extents.size() - 1;
    extents_ = s.shape->extents.data();
    left_ = static_cast<uint32_t>(extents_[last_] - s.place[last_]);
    int32_t outer = 0;
    for (size_t d = 0; d <= last_; ++d) {
        const int32_t stride = s.shape->strides[d] * s.words;
        turns_[d] = outer - extents_[d] * stride;
        outer = stride;
    }
}

// At the end of a stretch: on to the first element of the next one.
void Walk::turn() {
    if (stream_->kind == StreamKind::circular) {
        address_ -= stream_->shape->words;
        left_ = left_in_round(*stream_, address_);
        return;
    }
    address_ += turns_[last_];
    left_ = static_cast<uint32_t>(extents_[last_]);
    for (size_t d = last_; d-- > 0 && ++stream_->place[d] == extents_[d];) {
        stream_->place[d] = 0;
        address_ += turns_[d];
    }
}

void Walk::gather(const uint16_t* memory, uint16_t* row, uint32_t count) {
    (stream_->words == 1 ? gather_words<1> : gather_words<2>)(*this, memory, row, count);
}

void Walk::scatter(uint16_t* memory, const uint16_t* row, uint32_t count) {
    (stream_->words == 1 ? scatter_words<1> : scatter_words<2>)(*this, memory, row, count);
}

void Walk::settle() {
    Stream& s = *stream_;
    if (s.kind == StreamKind::shaped) {
        s.place[last_] = static_cast<uint16_t>(static_cast<uint32_t>(extents_[last_]) - left_);
    } else {
        s.address = static_cast<int32_t>(address_);
    }
}

}  // namespace wafersim::fast
