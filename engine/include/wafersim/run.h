// A DSD operation that runs: how far it is, and its plan: operands as streams, options, how fast it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

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

    bool operator==(const Completion&) const = default;
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

    bool operator==(const Options&) const = default;
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
inline bool moves(Flow flow) { return flow >= Flow::pass_pair; }

// Where the elements of an operation on memory lie, of which all is known when the program is loaded; by number of element.
struct ElementPlaces {
    struct Operand {
        bool in_row = false;          // one element after the other from address `first` on
        uint16_t first = 0;
        std::vector<uint16_t> words;  // else: addresses; none of a scalar

        bool operator==(const Operand&) const = default;
    };
    std::array<Operand, 4> operands;  // the destination first
    std::vector<uint16_t> together;   // elements from this one on that can be read before any of their results is written

    bool operator==(const ElementPlaces&) const = default;
};

// What an operation is. One that the program knows completely runs by a plan that programs share (PlanTable); else each
// operation has its own one (Pe::own_plan), with streams that say where it has come to.
struct alignas(64) Plan {
    // One line of the host's cache: all that an element of a send or receive needs.
    uint32_t (*function)(uint32_t, uint32_t, uint32_t) = nullptr;
    const ElementPlaces* places = nullptr;
    int64_t rest = none;           // ticks after the last element (rest_of_lines), where known in advance
    uint32_t length = 0;           // elements; 0 too where it is infinite
    uint32_t period = 0;           // ticks an element takes
    uint32_t bound = 0;            // elements until an operand leaves its variable; the largest number: it does not
    int32_t step = 0;              // sends and receives: words in memory from one element to the next
    uint16_t group = 1;            // most elements a cycle
    Vec op{};
    Flow flow = Flow::unknown;     // shared: how the fast engine advances it
    uint8_t sources = 0;
    bool infinite = false;
    bool own = false;              // of one operation that runs
    bool control = false;          // sends control wavelets
    bool inside = false;           // sends and receives: all elements lie in their variables, which have storage
    int8_t level = 0;              // of priority
    int8_t accumulator = none;     // reduction: the source that is fed with each result
    int8_t bounded = none;         // which operand `bound` is of: a source, or the destination

    Options options;
    Stream dst;
    std::array<Stream, 3> source;
    const Variable* variable = nullptr;  // of `bound`
    const Function* started_in = nullptr;  // the function that did it, where the operation does not tell
    Plan* next_spare = nullptr;    // own, but of no operation: see Pe::spare_plans

    bool operator==(const Plan&) const = default;
};
static_assert(offsetof(Plan, options) <= 64);

// A DSD operation that runs, on a microthread or (synchronous) in place of the main thread. This is all that most of them
// change as they go on: two of them fit in a line of the host's cache.
struct VecRun {
    int64_t next_tick = 0;         // time of the next element, in ticks
    const Plan* plan = nullptr;
    uint32_t remaining = 0;        // elements; counted down from the plan's length, below 0 where it is infinite
    int32_t address = 0;           // send, receive: of the next element in memory, which its streams do not tell
    int32_t op = 0;                // its number in the program, for reports
    Flow flow = Flow::unknown;     // fast engine; an operation by a shared plan has one from the start
    int8_t input = none;           // channel that it reads, where it flows
    int8_t output = none;          // output queue that it writes, where it flows
    int8_t color = none;           // of what it sends
};
static_assert(sizeof(VecRun) == 32);

inline uint32_t done_of(const VecRun& run) { return run.plan->length - run.remaining; }
// The plan that an operation may change; nullptr: it runs by a shared one, or did not run yet.
inline Plan* own_plan_of(const VecRun& run) { return run.plan && run.plan->own ? const_cast<Plan*>(run.plan) : nullptr; }
// The channel of a stream from the fabric that the operation reads.
inline int channel_of(const VecRun& run, const Stream& s) { return run.plan->own ? s.number : run.input; }
// Its plan with streams as they are after the elements done, whoever has the plan.
Plan plan_by_now(const VecRun& run);

// How far an operation may go in its variables (bounds.cpp), and the fault where it goes on.
void find_bounds(const Program& program, Plan& plan);
void leave_variable(Pe& pe, VecRun& run);

// The DSDs of an operation: of its destination, then of its sources; of kind `none` where an operand is none.
using OperandDsds = std::array<Dsd, 4>;

// What an operation comes to with these DSDs, as far as the program knows it.
struct PreparedPlan {
    OperandDsds dsds;
    uint8_t bound_later = 0;  // operands, the destination first, that take something from the PE
    Plan plan;
};

// The shared plans of an image. Its programs differ in little, often in their colors only, so most of them have the same plans,
// and those of a few programs stay in the host's caches where those of all would not.
class PlanTable {
public:
    const Plan* keep(Plan plan, const ElementPlaces& places);  // the one that is equal

private:
    struct Entry {
        Plan plan;
        ElementPlaces places;
    };
    const Shape* keep(const Shape& shape);
    std::multimap<uint64_t, std::unique_ptr<Entry>> entries_;  // by a hash
    std::vector<std::unique_ptr<const Shape>> shapes_;
};

// Works out plans for the operations whose DSDs are constants, once the program is complete (prepare.cpp). `rows`: what its
// tiles put in the places of its patches.
void prepare_operations(Program& program, const Machine& machine, const std::vector<int64_t>& rows, PlanTable& plans);

}  // namespace wafersim
