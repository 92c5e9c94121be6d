// A stream: one operand of a running DSD operation, with its place in memory, queue or FIFO.
#pragma once

#include <array>
#include <cstdint>

#include "dsd.h"
#include "program.h"

namespace wafersim {

enum class StreamKind : uint8_t { none, scalar, pointer, memory, shaped, circular, fabric_in, fabric_out, fifo };

struct Stream {
    StreamKind kind = StreamKind::none;
    uint8_t words = 1;          // of one element
    uint16_t length = 0;        // elements; 0 not given, infinite_length without end
    bool has_length : 1 = false;
    bool index_offset : 1 = false;  // the wavelet index offsets addresses, or goes out with the wavelet
    bool control : 1 = false, advance_switch : 1 = false, control_transform : 1 = false;
    bool zero_first : 1 = false, zero_second : 1 = false;
    bool save_address : 1 = false;  // of the DSR
    uint8_t pack = 1;           // elements of 16 bits a wavelet (SIMD mode)
    uint8_t simd_elements = 1;  // elements of one SIMD group (32 or 64 bits)
    uint8_t packed = 0;         // elements in `scalar`, of the fabric
    uint8_t priority = 0;
    int8_t queue = -1;          // fabric: the queue, which may give the microthread
    int8_t color = -1;          // fabric_out
    int16_t number = 0;         // fabric_in: channel, fabric_out: queue, fifo: its number
    int16_t dsr = -1;           // the DSR this stream was made from
    int32_t address = 0;        // memory, pointer: word of the next element
    uint32_t scalar = 0;        // scalar: the value; fabric: elements waiting to be sent (or handed out) in SIMD mode
    int32_t step = 0;           // memory: words to the element after
    const Shape* shape = nullptr;       // shaped, circular
    std::array<uint16_t, 4> place{};    // shaped: indices of the next element

    bool operator==(const Stream&) const = default;
};

inline bool in_memory(const Stream& s) {
    return s.kind == StreamKind::memory || s.kind == StreamKind::shaped || s.kind == StreamKind::circular;
}
inline bool in_fabric(const Stream& s) { return s.kind == StreamKind::fabric_in || s.kind == StreamKind::fabric_out; }

// As far as it follows from the operand and its DSD, elements of `words`; the rest comes from the PE (Pe::bind_stream).
Stream stream_of(const Program& program, const VecOperand& operand, Dsd dsd, int words, bool is_destination);
// Moves a stream in memory to its next element.
void advance(Stream& stream);
// The same over `count` elements, where this needs no counting; false: it does.
bool skip(Stream& stream, uint32_t count);
// Word address of the present element.
int64_t element_address(const Stream& stream);

}  // namespace wafersim
