// PE programs and the mesh they run on: the C++ mirror of `src/wafersim/ir/program.py`.
//
// Names and meanings are those of the Python dataclasses. The loader (src/loader.cpp) fills these
// structures, checks what could lead the engine astray and resolves names to numbers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dsd.h"
#include "opcodes.h"

namespace wafersim {

struct Plan;
struct PreparedPlan;
class PlanTable;

inline constexpr int none = -1;  // an operand, id or index that is not given

struct Pe;
struct Instr;

// Executes an instruction, given the registers of the innermost call. What it returns is the cost in cycles; if it throws, the
// call and its registers are as before.
using Execute = int (*)(Pe&, const Instr&, uint64_t* registers);

// Two of them are in a line of the host's caches.
struct alignas(32) Instr {
    Execute execute = nullptr;  // by operation and type (find_executors)
    int32_t a = none, b = none;
    int32_t imm = 0;
    int32_t loc = 0;
    int16_t dst = none, c = none;
    int16_t cost = 0;  // cycles (settle_costs); of a copy for each word
    Op op = Op::ret_;
    Ty ty = Ty::void_;
};
static_assert(sizeof(Instr) == 32);

struct Function {
    // What a call reads comes first.
    const Instr* entry = nullptr;  // of its code, or of that of an equal function (share_code)
    int registers = 0;
    int frame_words = 0;
    std::vector<Instr> code;       // empty where it is that of another function
    std::string name;
    std::vector<Ty> params;
    Ty result = Ty::void_;
    int loc = 0;
};

enum class OperandKind : uint8_t { none, scalar, pointer, dsd, dsr };

struct VecOperand {
    OperandKind kind = OperandKind::none;
    int value = none;
};

enum class OnControl : uint8_t { ignore, terminate, activate };
enum class IdSpace : uint8_t { task, input_queue, microthread, color };

struct AsyncOptions {
    bool is_async = false;
    int activate = none, unblock = none;
    IdSpace unblock_space = IdSpace::task;
    int microthread = none;
    OnControl on_control = OnControl::ignore;
    int on_control_task = none;
    int priority = 0;
    int index = none;
};

// An operation to which its PE has nothing to add but which channel its input queue is and which color its output queue has.
struct CompletePlan {
    const Plan* plan = nullptr;  // none: the operation is not of this kind
    Dsd dst, source;             // the first source
    int8_t microthread = none;   // asynchronous; none: any that is free
    bool own_colors = false;     // the PE's constants are these two with other colors
};

struct VecOp {
    CompletePlan complete;
    int start = 0; // cycles of the main thread before it (settle_costs)
    AsyncOptions options;
    Vec op{};
    VecOperand dst;
    std::vector<VecOperand> sources;
    int loc = 0;   // of the instruction that runs it
    const Function* function = nullptr;  // that runs it; none: several do
    std::shared_ptr<const PreparedPlan> prepared;  // not complete: with its constant DSDs, if it has such
};

struct MapOp {
    int function = none;
    std::vector<VecOperand> inputs;
    std::vector<Ty> input_types;
    VecOperand output;
    Ty output_type = Ty::void_;
    std::vector<bool> pointer_inputs;
};

struct DsrLoad {
    int dsr = 0;  // number within the program
    int dsd = none;
    AsyncOptions options;
    bool save_address = false, single_step = false;
};

struct Shape {
    std::vector<int> extents, strides;
    int start = 0, words = 0;

    bool operator==(const Shape&) const = default;
};

enum class FifoAction : uint8_t { test_or_suspend, suspend, terminate, fault };

struct Fifo {
    std::string name;
    int address = 0, words = 0, element_words = 1;
    FifoAction empty_action{}, full_action{};
    int activate_push = none, activate_pop = none;
    int priority = 0;
};

struct DataSegment {
    int address = 0;
    std::vector<uint16_t> words;
};

enum class TaskKind : uint8_t { data, local, control };

struct Task {
    int id = 0;
    TaskKind kind{};
    int function = none;
};

struct QueueBinding {
    int queue = 0;
    int color = none;
    int priority = 0;
};

struct PrintFormat {
    std::vector<std::string> literals;
    std::string formats;
    std::vector<Ty> types;
};

struct Location {
    int file = 0, line = 0, column = 0;
};

// Words [first, end) of a variable.
struct Variable {
    int first = 0, end = 0;
    std::string name;
};

// Variables by address; what overlaps is one.
class Variables {
public:
    Variables() = default;
    explicit Variables(std::vector<Variable> by_address);
    const Variable* at(int64_t address) const;  // the one that the address lies in
    auto begin() const { return all_.begin(); }
    auto end() const { return all_.end(); }

private:
    static constexpr int block = 16;
    std::vector<Variable> all_;
    std::vector<uint16_t> first_;  // by block of words: the first variable that ends behind the block's beginning
};

// Numbers in which tiles of one program differ (`ir.program.Patch`).
enum class PatchKind : uint8_t { constant, word, input_color, output_color };

struct Patch {
    PatchKind kind{};
    int index = 0;
};

struct Program {
    Program() = default;
    Program(Program&&) = default;  // not copied: prepared operations point to its shapes and variables
    std::string name;
    std::vector<Function> functions;
    std::vector<uint64_t> constants;
    std::vector<uint64_t> pool;      // operand n is entry ~n: 0 for none, then the constants
    int first_patched = 0;           // entry of the pool: from here on patches change them
    std::vector<VecOp> vecops;
    std::vector<MapOp> maps;
    std::vector<DsrLoad> dsr_loads;
    int dsr_count = 0;               // DSRs are numbered from 0 by the loader
    std::vector<Shape> shapes;
    std::vector<Fifo> fifos;
    std::vector<PrintFormat> prints;
    std::vector<std::string> messages;
    std::vector<DataSegment> data;
    Variables variables;
    int data_end = 0, memory_end = 0;
    int stored_words = 0;             // words that get storage from the start: those of variables
    std::vector<Task> tasks;
    std::array<int8_t, 64> local_task, data_task, control_task;  // by id: index into `tasks`, -1 none (Pe::bind_tasks)
    std::vector<int> initial_loads;  // DSR loads done before the start
    std::vector<int> activated;
    std::vector<std::pair<IdSpace, int>> blocked, unblocked;
    std::vector<QueueBinding> input_queues, output_queues;
    std::map<int, int> teardown_handlers, empty_queue_handlers;
    int command_task = none;
    std::vector<Location> locations;
    std::vector<std::string> files;
    std::vector<Patch> patches;
};

// What instructions and starts of DSD operations cost on this machine (costs.cpp).
struct Machine;
void settle_costs(Program& program, const Machine& machine);

// Numbers DSRs and constants so that PEs keep few of them (numbering.cpp).
void renumber_dsrs(Program& program);
void renumber_constants(Program& program);

// Which functions execute the instructions (vm.cpp).
void find_executors(Program& program);

// Sides of a router as a mask, and as numbers 0 to 5 in this order.
enum Dir : uint8_t { ramp = 1, east = 2, west = 4, south = 8, north = 16, host = 32 };
enum Side : uint8_t { side_ramp, side_east, side_west, side_south, side_north, side_host, side_count };
inline constexpr std::array<const char*, side_count> side_names{"RAMP", "EAST", "WEST", "SOUTH", "NORTH", "HOST"};
// The side of the neighbour that a link from `side` leads to.
inline constexpr std::array<Side, side_count> opposite{side_ramp,  side_west,  side_east,
                                                       side_north, side_south, side_host};

enum class PopMode : uint8_t { no_pop, always_pop, pop_on_advance, pop_on_header };
enum class FilterKind : uint8_t { none, range, counter, sparse_counter };

struct SwitchPosition {
    uint8_t rx = 0, tx = 0;
    bool invalid = false;
};

struct Filter {
    FilterKind kind = FilterKind::none;
    int min_idx = 0, max_idx = 0;
    bool count_data = false, count_control = false;
    int init_counter = 0, max_counter = 0, limit1 = 0, limit2 = 0;
};

struct ColorConfig {
    int color = 0;
    uint8_t rx = 0, tx = 0;
    std::vector<SwitchPosition> positions;  // 1 to 3
    int position = 0;
    bool ring_mode = false;
    PopMode pop_mode{};
    bool swap_x = false, swap_y = false, teardown = false;
    Filter filter;
};

struct Tile {
    int program = none, routing = 0;
    int row = 0;  // in the patches of its program
};

struct Image {
    std::string arch;
    int width = 0, height = 0;
    int fabric_width = 0, fabric_height = 0, offset_x = 0, offset_y = 0;
    std::vector<Program> programs;
    std::shared_ptr<PlanTable> plans;  // of DSD operations, which programs have in common
    std::vector<std::vector<ColorConfig>> routings;
    std::vector<Tile> tiles;
    std::vector<std::vector<int64_t>> patches;  // by program: rows, a number for each of its patches

    // The numbers of a tile for the patches of its program; nullptr if that has none.
    const int64_t* patches_of(const Tile& tile) const {
        if (tile.program == none || programs[static_cast<size_t>(tile.program)].patches.empty()) return nullptr;
        const size_t length = programs[static_cast<size_t>(tile.program)].patches.size();
        return patches[static_cast<size_t>(tile.program)].data() + static_cast<size_t>(tile.row) * length;
    }
};

// Functions of an image that are equal, if in different programs, have their code in one place (numbering.cpp).
void share_code(Image& image);

}  // namespace wafersim
