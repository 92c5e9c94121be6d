// The machine table: every latency, width and depth that the engine knows.
//
// `Settings` holds the table by dotted name; `Machine` is what the engine reads, each field named after its
// row (docs/timing-model.md). A row that is missing is an error that names it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "opcodes.h"
#include "value.h"

namespace wafersim {

class Settings {
public:
    explicit Settings(const Value& table);
    double number(const std::string& name) const;
    int integer(const std::string& name) const;
    std::vector<int> integers(const std::string& name) const;

private:
    void add(const std::string& prefix, const Value& value);
    const std::vector<double>& row(const std::string& name) const;
    std::map<std::string, std::vector<double>> rows_;
};

// A bank of configuration registers: its first word address and how many there are.
struct RegisterBank {
    int address = 0, count = 0;
};

// One line a bank of docs/registers.md; RegisterId and the rows of section `registers` have these names.
#define WAFERSIM_REGISTERS(R)                                                                            \
    R(COLOR_CONFIG) R(SWITCH_CONFIG) R(SWITCH_TX) R(FILTER_COUNTER) R(FILTER_MAX_COUNTER) R(FILTER_LIMIT)      \
    R(FILTER_STATE) R(FILTER_PASS_COUNT) R(FILTER_DROP_COUNT) R(TEARDOWN_PENDING) R(IQ_FLUSH_STATUS)           \
    R(OQ_FLUSH_STATUS) R(IQ_STATUS) R(OQ_STATUS) R(TASK_PRIORITY) R(MAIN_THREAD_PRIORITY) R(EXCEPTION_MASK)    \
    R(CONTROL_TRANSFORM_MASK) R(TIMESTAMP_COUNTER) R(PERF_COUNTER_CONTROL) R(PERF_COUNTER_0) R(PERF_COUNTER_1) \
    R(FABRIC_COORD) R(MESSAGE_MODE) R(IQ_CONFIG) R(OQ_CONFIG)

enum class RegisterId : uint8_t {
#define R(name) name,
    WAFERSIM_REGISTERS(R)
#undef R
    count
};

// Time is counted in fixed point where fractions of a cycle matter (elements a cycle).
inline constexpr int64_t ticks_per_cycle = 1 << 16;

struct Machine {
    explicit Machine(const Settings& settings);

    struct Memory {
        int words, words_per_cycle, conflict_modulus_16, conflict_modulus_32, conflict_cycles;
        std::vector<int> stride_words;
    } memory;
    struct Colors { int count; } colors;
    struct Queues { std::vector<int> input_depth, output_depth; } queues;
    struct Tasks {
        int ids, data_task_ids, teardown, start, end, activation;
        bool data_by_queue;  // data tasks belong to input queues, not to colors
    } tasks;
    static constexpr int most_microthreads = 14;  // a PE keeps four bits for each, and for the main thread (Pe::places)
    struct Microthreads { int count, start, end; bool by_queue; } microthreads;
    struct Fabric { int link_period, hop, ramp_in, ramp_out, router_queue, simd_period; } fabric;
    struct Host { int stream_period, command, copy_period; } host;
    struct Vector { int start, rate_percent, reduction_cycles, issue, map_start, map_iteration; } vector;

    static constexpr int type_count = 13;
    std::array<std::array<int, type_count>, op_count> scalar;  // [operation][type]
    int branch_taken, predicated, indexed;  // of section `scalar`
    int dsr_load, dsr_latency;  // `dsr.load`, `dsr.latency`
    std::array<int, vec_count> vector_width;
    std::array<RegisterBank, static_cast<size_t>(RegisterId::count)> registers;
    std::vector<RegisterId> register_at;  // by address; `count` where there is none
};

}  // namespace wafersim
