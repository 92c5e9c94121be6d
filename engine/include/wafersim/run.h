// A DSD operation that runs: its operands as streams, its options, how far it is and how fast it goes.
#pragma once

#include <array>
#include <cstdint>

#include "dsd.h"
#include "machine.h"
#include "program.h"
#include "stream.h"

namespace wafersim {

struct Pe;

// What happens when an operation completes; resolved to ids.
struct Completion {
    int16_t activate = none, unblock = none;
    IdSpace unblock_space{};
};

// Options that a DSR keeps, and that an operation runs with.
struct Options {
    int8_t priority = 0;
    OnControl on_control{};
    int16_t microthread = none;
    int16_t on_control_task = none;
    int8_t completion_count = 0;
    int32_t index = none;
    std::array<Completion, 4> completions{};  // the operation's own and those of its DSRs
};

struct Dsr {
    Dsd dsd;
    Options options;
    bool is_async = false, save_address = false, single_step = false;
    std::array<uint16_t, 4> place{};  // shaped: where the last operation stopped
};

// How the fast engine advances an operation. `simple` ones have elements of whole wavelets and plain memory only, those in
// `memory` nothing else, and none of their accesses can fault; sends and receives move words of memory that lie at equal
// distances to or from the fabric; pairs are two of 16 bits a wavelet, which may also pass from fabric to fabric.
enum class Flow : uint8_t {
    unknown, general, simple, memory, pass_pair, send16, send32, send_pair, receive16, receive32, receive_pair
};
inline bool sends(Flow flow) { return flow >= Flow::send16 && flow <= Flow::send_pair; }
inline bool receives(Flow flow) { return flow >= Flow::receive16; }

// A DSD operation that runs, on a microthread or (synchronous) in place of the main thread.
struct alignas(64) VecRun {
    // One line of the host's cache: all that an element of a send or receive needs.
    int64_t next_tick = 0;         // time of the next element, in ticks
    uint32_t remaining = 0, done = 0;
    uint32_t bound = 0;            // elements until an operand leaves its variable; the largest number: it does not
    uint32_t period = 0;           // ticks an element takes
    uint32_t (*function)(uint32_t, uint32_t, uint32_t) = nullptr;
    const Function* started_in = nullptr;
    int32_t loc = 0;               // of the instruction that started it
    int32_t address = 0, step = 0; // send, receive: what its streams say, where it has come to
    int8_t color = none;
    bool control = false;
    uint16_t group = 1;            // most elements a cycle
    Flow flow = Flow::unknown;     // fast engine, as the next two
    int8_t input = none;           // channel that it reads
    int8_t output = none;          // output queue that it writes
    int8_t level = 0;              // of priority
    bool infinite = false;
    uint8_t sources = 0;
    int8_t accumulator = none;     // reduction: the source that is fed with each result
    int8_t bounded = none;         // which operand `bound` is of: a source, or the destination

    const VecOp* op = nullptr;
    const Variable* variable = nullptr;  // of `bound`
    Stream dst;
    std::array<Stream, 3> source;
    Options options;
    int64_t rest = none;           // ticks after the last element (rest_of_lines), where known in advance
    VecRun* next_pair = nullptr;   // where the first of a pair is, but for the first pair (Pe::pairs)
};
static_assert(sizeof(VecRun) <= 320);

// Streams of sends and receives get the address that the run has come to.
void settle_streams(VecRun& run);

// How far an operation may go in its variables (bounds.cpp), and the fault where it goes on.
void find_bounds(const Program& program, VecRun& run);
void leave_variable(Pe& pe, VecRun& run);

// Ticks that the memory takes for the last, partly used lines of an operation that has read its elements (start.cpp).
int64_t rest_of_lines(const Machine& machine, const VecRun& run);

// The DSDs of an operation: of its destination, then of its sources; of kind `none` where an operand is none.
using OperandDsds = std::array<Dsd, 4>;

// What an operation comes to with these DSDs, whichever PE starts it.
struct PreparedRun {
    OperandDsds dsds;
    uint8_t bound_later = 0;  // operands, the destination first, that take something from the PE
    VecRun run;
};

// Works this out for the operations whose DSDs are constants, once the program is complete (start.cpp).
void prepare_operations(Program& program, const Machine& machine);

}  // namespace wafersim
