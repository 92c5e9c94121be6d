// One processing element: memory, main thread, tasks, microthreads, DSRs, queues, configuration registers.
//
// `Pe` is the state; the functions that change it are grouped by file: pe.cpp (a cycle, the issue slot), tasks.cpp
// (scheduler), vm.cpp (scalar operations), dsd.cpp, start.cpp and vec.cpp (DSD operations), map.cpp (@map),
// registers.cpp. A PE touches nothing outside of itself and its router's configuration.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arena.h"
#include "bits.h"
#include "compact.h"
#include "error.h"
#include "machine.h"
#include "memory.h"
#include "observer.h"
#include "program.h"
#include "router.h"
#include "run.h"
#include "stats.h"
#include "stream.h"
#include "value.h"
#include "wavelet.h"

namespace wafersim {

inline constexpr uint64_t never = std::numeric_limits<uint64_t>::max();

// A line of `print`, complete.
struct LogLine {
    uint64_t cycle;
    int x, y;
    std::string text;
};

struct Pe;

// What the PEs of a region share.
struct Environment {
    Environment(const Machine& machine, const Image& image)
        : machine(machine), image(image), main_thread(machine.microthreads.count) {}
    const Machine& machine;
    const Image& image;
    const int main_thread;         // its number as a thread: it follows the microthreads
    uint64_t now = 0;
    Stats stats;
    std::vector<LogLine> log;      // in the order of cycles
    std::vector<std::shared_ptr<Observer>> observers;
    std::vector<uint32_t> finished;  // tickets of commands that ended on a PE in this cycle
    bool strict = true;              // DSD operations that leave their variable are faults, else warnings
    std::vector<FaultReport> warnings;  // the first for each program and place
};

struct Frame {
    const Function* function = nullptr;
    const Instr* next = nullptr;  // to be executed
    int registers = 0;        // index of register 0 in Pe::registers
    int stack = 0;            // word address of the stack frame
    int result = none;        // register of the caller
    bool from_map = false;    // returns into the innermost @map
};

struct MapRun {
    static constexpr size_t max_inputs = 8;
    const MapOp* op = nullptr;
    size_t depth = 0;              // frames when it started
    std::array<Stream, max_inputs> input;
    Stream output;
    uint32_t remaining = 0;
    bool has_result = false;
    uint64_t result = 0;
};

struct FifoState {
    uint32_t head = 0, count = 0;      // in elements
    uint16_t read_length = 0, write_length = 0;
};

// Where wavelets for a PE wait. There is one for each channel: the thing that data tasks are bound to, an input
// queue or, on machines whose data tasks belong to colors, a color.
struct Channel {
    [[no_unique_address]] WaveletQueue wavelets;  // color and flag go into its padding
    int8_t color = none;
    bool filter_enabled = true;
};
static_assert(sizeof(Channel) == 16);

struct OutputQueue {
    [[no_unique_address]] WaveletQueue wavelets;
    int8_t color = none;
};

struct PendingActivation {
    uint64_t due = 0;
    int id = 0;
};

// Configuration addresses start here. Through pointers, registers appear at twice their address.
inline constexpr int first_register = 0x7800;

// The shape that a mem4d or circular DSD names (dsd.cpp).
const Shape& shape_of(const Program& program, Dsd dsd);

// What few programs use, made when it is first asked for.
struct PeExtras {
    std::string print_line;
    std::vector<int> handlers;     // teardown and empty-queue handlers still to run
    std::map<uint16_t, uint16_t> plain_registers;  // configuration registers without effect that were written
    uint32_t teardown_pending = 0;
    uint16_t input_flush_status = 0, output_flush_status = 0;    // found empty
    uint16_t control_mask = 0;
    bool clock_running = false;
    uint64_t clock_base = 0, clock_start = 0;
    uint64_t clock_read = 0;  // what the registers of the time stamp show until the low word is read again
    std::array<uint32_t, 2> generator{0x2545f491, 0x6c078965};
    int active_generator = 0;
};

struct alignas(64) Pe {
    // `patches` are the tile's numbers for the patches of its program.
    Pe(Environment& env, Arena& arena, Router& router, const Program* program, int x, int y, uint16_t* memory,
       const int64_t* patches = nullptr);
    Pe(const Pe&) = delete;
    Pe(Pe&&) = default;
    // Where it is and what it does, with what is wrong.
    FaultReport report(const std::string& message) const;
    // Binds task ids of a program; before the first PE with it is made.
    static void bind_tasks(Program& program);

    // ------------------------------------------------------------------ what the mesh calls
    bool step();                  // phase 4; true if anything advanced
    bool schedule();              // phase 5; true if a task was started
    uint64_t next_wake() const;   // first cycle after now at which the PE may advance by itself
    bool receive(const Wavelet& wavelet, bool commit);  // a queue for this wavelet has room; commit: put it there
    bool host_may_command() const;  // the command stream is not held back and the main thread is free
    void launch(int function, const std::vector<uint64_t>& arguments, uint32_t ticket);
    void start_teardown(int color);
    void output_drained(int queue);  // after the ramp took a wavelet
    Value describe() const;          // for core dumps and tests
    std::vector<std::string> waits_for() const;  // for the deadlock report

    // ------------------------------------------------------------------ what most visits look at
    // Lines of the host's caches are what a visit costs: four of them for one that goes on, another one where
    // an operation starts or a wavelet arrives.
    uint64_t main_ready = 0;
    uint64_t ramp_free = 0;
    uint32_t running = 0;          // operations in progress, by thread
    uint32_t filled = 0;           // channels with wavelets
    uint32_t controls = 0;         // channels with control wavelets, and some that are empty
    uint32_t sending = 0;          // outputs with wavelets
    Environment* env;              // of who is at work on it
    Arena* arena;                  // of its block
    uint16_t blocked_threads = 0;  // microthreads
    uint16_t raised = 0;           // threads whose last operation has a priority above the lowest
    uint16_t input_flush = 0, output_flush = 0;                  // asked for
    int8_t last_thread = 0;
    int8_t last_output = 0;        // round robin of the ramp
    int8_t main_priority = 0;
    int8_t waits_for_thread = none;  // microthread that must end before the main thread goes on
    bool has_commands = false;
    uint8_t run_count = 0;

    CompactVector<PendingActivation> pending;
    CompactVector<Frame> frames;
    std::span<Channel> channels;   // by channel id: input queue or color
    std::span<OutputQueue> outputs;

    uint64_t places = ~uint64_t{0};       // of runs, see place_of_run
    VecRun* runs = nullptr;        // of threads in the order of their first operation
    uint64_t active = 0;           // local tasks
    uint64_t blocked = 0;          // any id
    uint64_t thread_cycles = 0, main_cycles = 0;
    const Program* program;
    const Function* current_function = nullptr;  // see executed

    CompactVector<uint64_t> registers;
    CompactVector<MapRun> maps;
    Memory memory;
    int current_loc = 0;           // of what the main thread executed last
    uint32_t running_ticket = 0;   // of the launch that its task belongs to

    // ------------------------------------------------------------------ what starts, arrivals and tasks look at
    std::array<int8_t, 32> channel_of_color;  // -1: no input queue has this color
    Router& router;
    const uint64_t* patched = nullptr;  // constants from Program::first_patched on; its own where patches change them
    Plan* spare_plans = nullptr;   // for operations that need their own
    std::unique_ptr<PeExtras> own_extras;

    uint64_t high_priority = 0;
    const std::string* task_name = nullptr;
    int running_task = none;       // id, or one of the pseudo ids below
    int next_id = 0;               // round robin of the scheduler
    std::array<int8_t, 16> channel_of_queue;  // -1: the queue has no color yet
    uint64_t command_due = 0;
    CompactVector<uint32_t> commands;  // of the host: tickets, in order

    std::span<FifoState> fifos;
    std::span<Dsr> dsrs;
    int16_t x, y;

    bool alive() const { return program != nullptr; }
    int main_thread() const { return env->main_thread; }
    bool busy(int thread) const { return running >> thread & 1; }       // a DSD operation is in progress there
    uint64_t clock() const { return extras().clock_base + (extras().clock_running ? env->now - extras().clock_start : 0); }
    const PeExtras& extras() const;
    PeExtras& extras();
    // What was executed last, for reports: by a microthread, or else by the main thread.
    struct Executed {
        int loc;
        const Function* function;
    };
    Executed executed() const;
    bool has_handlers() const { return own_extras && !own_extras->handlers.empty(); }
    size_t state_bytes() const;    // besides what the arena has, and memory

    // By thread (microthreads, then the main thread), in four bits each.
    static constexpr int no_place = 15;
    int place_of_run(int thread) const { return static_cast<int>(places >> 4 * thread & 15); }
    VecRun& run_of(int thread) { return runs[place_of_run(thread)]; }
    const VecRun& run_of(int thread) const { return runs[place_of_run(thread)]; }
    VecRun& new_run(int thread);                         // in the thread's place, without a plan for it
    void use_plan(VecRun& run, const Plan& plan);        // it runs by one of the program
    Plan& copy_plan(VecRun& run, const Plan& plan);      // it runs by its own, which begins as this one
    // The plan of an operation to be changed: its own from now on, if it was not, with streams as they are by now.
    Plan& own_plan(VecRun& run) {
        if (!run.plan->own || moves(run.flow)) make_general(run);
        return *own_plan_of(run);
    }
    void make_general(VecRun& run);  // it goes on with the functions of vec.cpp

    bool may_issue(int thread) const;
    int thread_priority(int thread) const;

    // ------------------------------------------------------------------ vm.cpp
    bool main_may_issue() const;
    void step_main();
    void return_with(uint64_t value);
    void print(const Instr& instr, const uint64_t* registers);
    uint16_t random();
    uint64_t* window() { return registers.data() + frames.back().registers; }  // registers of the innermost call
    const uint64_t* window() const { return registers.data() + frames.back().registers; }
    uint64_t operand(const uint64_t* window, int number) const { return number >= 0 ? window[number] : constant(~number); }
    uint64_t operand(int number) const { return number >= 0 ? window()[number] : constant(~number); }
    uint64_t constant(int entry) const {
        const int own = entry - program->first_patched;
        return own < 0 ? program->pool[static_cast<size_t>(entry)] : patched[own];
    }
    void call(const Function& function, int result, bool from_map);
    uint64_t stack_end() const;

    // ------------------------------------------------------------------ dsd.cpp
    Stream make_stream(const VecOperand& operand, int words, bool is_destination);
    void bind_stream(Stream& stream, const VecOperand& operand, Dsd dsd, bool is_destination);
    const Dsr* dsr_of(const VecOperand& operand) const;  // nullptr: it is none, or one that nothing was loaded into
    Dsd dsd_of(const VecOperand& operand) const;         // of kind `none` where it has none
    Options resolve(const AsyncOptions& options) const;
    int bind_source(Dsd dsd);    // the channel that it reads
    int8_t color_of_output(Dsd dsd) const;
    void run_dsr_load(const DsrLoad& load);
    void bind_input(int queue, int color);
    FifoState& fifo_of(Dsd dsd);
    int channel_for(int queue) const;

    // ------------------------------------------------------------------ start.cpp
    bool start_vector(const VecOp& op);        // false: its microthread is busy, try again

    // ------------------------------------------------------------------ vec.cpp
    bool may_advance(const VecRun& run) const; // has inputs and room for an element, and its time has come
    bool inputs_ready(const VecRun& run) const;
    bool output_ready(const Stream& dst) const;
    bool element_ready(const Stream& stream, int already_taken) const;
    void advance_run(int thread);
    void advance_element(VecRun& run, Plan& plan);
    void finish_run(int thread);
    uint32_t read_element(Stream& stream, int& index);
    void write_element(Stream& stream, uint32_t value, int index, bool last = false);
    void complete(const Completion& completion, int delay);
    void meet_controls(int thread);            // control wavelets at the head of what it reads

    // ------------------------------------------------------------------ map.cpp
    void start_map(const MapOp& op);
    bool map_may_advance() const;
    void finish_map_call(uint64_t value);
    void advance_map();

    // ------------------------------------------------------------------ tasks.cpp
    Wavelet take_wavelet(int channel);
    void activate(int id, int delay);
    void block(IdSpace space, int id, bool block);
    int task_id(IdSpace space, int id) const;  // id in the common table of tasks and channels
    void end_task();
    uint64_t runnable_channels() const;
    bool channel_runnable(int channel) const;
    void start_task(int id, const std::string& name);
    void dispatch_wavelet(int channel);
    void discard_idle_controls();
    void run_next_handler();
    void collect_handlers();
    void check_flush(int delay = 0);

    // ------------------------------------------------------------------ registers.cpp
    uint16_t read_register(uint16_t address);
    void write_register(uint16_t address, uint16_t value);

    // ------------------------------------------------------------------ fifo.cpp
    bool fifo_has(const Stream& stream) const;
    bool fifo_has_room(const Stream& stream) const;
    uint32_t fifo_pop(const Stream& stream);
    void fifo_push(const Stream& stream, uint32_t value);
};

}  // namespace wafersim
