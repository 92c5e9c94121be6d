// Streams in memory as stretches: elements that lie at equal distances.
#pragma once

#include <array>

#include "wafersim/stream.h"

namespace wafersim::fast {

// Words from one element to the next within a stretch; 0 for a pointer.
int32_t step_of(const Stream& s);

// A walk over the elements of a stream, or of a pointer that is all of them.
class Walk {
public:
    Walk() = default;
    explicit Walk(Stream& s);

    int64_t address() const { return address_; }  // of the next element
    int32_t step() const { return step_; }
    uint32_t left() const { return left_; }       // elements of the stretch from there on
    void advance(uint32_t count) {                // at most those
        address_ += int64_t{step_} * count;
        left_ -= count;
        if (left_ == 0) turn();
    }
    // The next elements, which the memory has: to a row, where they lie one after the other, or from one.
    void gather(const uint16_t* memory, uint16_t* row, uint32_t count);
    void scatter(uint16_t* memory, const uint16_t* row, uint32_t count);
    void settle();  // the stream has come as far as the walk

private:
    void turn();

    Stream* stream_ = nullptr;
    int64_t address_ = 0;
    int32_t step_ = 0;
    uint32_t left_ = 0;
    const int* extents_ = nullptr;  // shaped, as the next two
    size_t last_ = 0;               // the innermost dimension
    std::array<int32_t, 4> turns_;  // words from the end of a dimension to its begin, one further in the next one
};

}  // namespace wafersim::fast
