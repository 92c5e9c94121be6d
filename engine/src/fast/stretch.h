// Streams in memory as stretches: elements that lie at equal distances.
#pragma once

#include "wafersim/stream.h"

namespace wafersim::fast {

struct Stretch {
    int64_t address;
    int32_t step;      // words from one element to the next
    uint32_t length;
};

// From the next element of a stream on. A scalar, or a pointer, is an endless stretch of one element.
Stretch stretch_of(const Stream& s);

// Over `count` elements, but for the last of which all lie in the stretch.
void advance(Stream& s, uint32_t count);

// The next `count` elements, which the memory has: to a row, where they lie one after the other, or from one.
void gather(const uint16_t* memory, Stream& s, uint16_t* row, uint32_t count);
void scatter(uint16_t* memory, Stream& s, const uint16_t* row, uint32_t count);

}  // namespace wafersim::fast
