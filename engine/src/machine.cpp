// Reads the machine table into `Machine`.
#include "wafersim/machine.h"

#include <algorithm>
#include <cmath>

#include "wafersim/error.h"

namespace wafersim {

namespace {

// Rows of section `scalar` give one number, or one for each of: int16 int32 int64 f16 f32, and perhaps dsd.
int type_class(Ty ty) {
    switch (ty) {
    case Ty::i32:
    case Ty::u32: return 1;
    case Ty::i64:
    case Ty::u64: return 2;
    case Ty::f16: return 3;
    case Ty::f32: return 4;
    case Ty::dsd: return 5;
    default: return 0;
    }
}

std::array<int, Machine::type_count> scalar_row(const Settings& settings, const std::string& name) {
    const std::vector<int> costs = settings.integers(name);
    if (costs.size() != 1 && costs.size() != 5 && costs.size() != 6) {
        throw ConfigError("machine table: row '" + name + "' needs one number, five or six");
    }
    constexpr int most = 10'000;  // so that instructions keep their cost in 16 bits
    if (*std::max_element(costs.begin(), costs.end()) > most)
        throw ConfigError("machine table: row '" + name + "' is more than " + std::to_string(most));
    std::array<int, Machine::type_count> row{};
    for (int ty = 0; ty < Machine::type_count; ++ty) {
        const auto column = static_cast<size_t>(type_class(static_cast<Ty>(ty)));
        row[ty] = costs[column < costs.size() ? column : 0];
    }
    return row;
}

int at_least(const Settings& settings, const std::string& name, int least) {
    const int value = settings.integer(name);
    if (value < least) throw ConfigError("machine table: row '" + name + "' must be at least " + std::to_string(least));
    return value;
}

}  // namespace

Settings::Settings(const Value& table) { add("", table); }

void Settings::add(const std::string& prefix, const Value& value) {
    if (const auto* dict = value.get<Dict>()) {
        for (const auto& [name, child] : *dict) add(prefix.empty() ? name : prefix + "." + name, child);
    } else if (const auto* list = value.get<List>()) {
        auto& row = rows_[prefix];
        for (const Value& item : *list) {
            if (const auto* number = item.get<int64_t>()) row.push_back(static_cast<double>(*number));
            else if (const auto* real = item.get<double>()) row.push_back(*real);
        }
    } else if (const auto* number = value.get<int64_t>()) {
        rows_[prefix] = {static_cast<double>(*number)};
    } else if (const auto* real = value.get<double>()) {
        rows_[prefix] = {*real};
    }
}

const std::vector<double>& Settings::row(const std::string& name) const {
    const auto found = rows_.find(name);
    if (found == rows_.end() || found->second.empty())
        throw ConfigError("machine table: row '" + name + "' is missing");
    return found->second;
}

double Settings::number(const std::string& name) const { return row(name)[0]; }

int Settings::integer(const std::string& name) const { return static_cast<int>(std::lround(number(name))); }

std::vector<int> Settings::integers(const std::string& name) const {
    std::vector<int> values;
    for (double value : row(name)) values.push_back(static_cast<int>(std::lround(value)));
    return values;
}

Machine::Machine(const Settings& s)
    : memory{at_least(s, "memory.words", 1),           at_least(s, "memory.words_per_cycle", 1),
             s.integer("memory.conflict_modulus_16"),  s.integer("memory.conflict_modulus_32"),
             at_least(s, "memory.conflict_cycles", 1), s.integers("memory.stride_words")},
      colors{at_least(s, "colors.count", 1)},
      queues{s.integers("queues.input_depth"), s.integers("queues.output_depth")},
      tasks{at_least(s, "tasks.ids", 1),
            s.integer("tasks.data_task_ids"),
            s.integer("tasks.teardown"),
            s.integer("tasks.start"),
            s.integer("tasks.end"),
            s.integer("tasks.activation"),
            false},
      microthreads{at_least(s, "microthreads.count", 1), s.integer("microthreads.start"), s.integer("microthreads.end"),
                   s.integer("microthreads.by_queue") != 0},
      fabric{at_least(s, "fabric.link_period", 1), at_least(s, "fabric.hop", 1), at_least(s, "fabric.ramp_in", 1),
             at_least(s, "fabric.ramp_out", 2), at_least(s, "fabric.router_queue", 1),
             at_least(s, "fabric.simd_period", 1)},
      host{at_least(s, "host.stream_period", 1), s.integer("host.command"), s.integer("host.copy_period")},
      vector{s.integer("vector.start"), at_least(s, "vector.rate_percent", 1), s.integer("vector.reduction_cycles"),
             s.integer("vector.issue"), s.integer("vector.map_start"), s.integer("vector.map_iteration")},
      branch_taken(s.integer("scalar.branch_taken")),
      predicated(s.integer("scalar.predicated")),
      indexed(scalar_row(s, "scalar.indexed")[0]),
      dsr_load(s.integer("dsr.load")),
      dsr_latency(at_least(s, "dsr.latency", 1)) {
    if (microthreads.count > most_microthreads)
        throw ConfigError("machine table: row 'microthreads.count' is more than " + std::to_string(most_microthreads));
    tasks.data_by_queue = tasks.data_task_ids == static_cast<int>(queues.input_depth.size());
    for (size_t op = 0; op < op_count; ++op) {
        scalar[op] = scalar_row(s, "scalar." + std::string(op_rows[op].cost));
    }
    for (size_t op = 0; op < vec_count; ++op) {
        vector_width[op] = at_least(s, "vector." + std::string(vec_rows[op].cost), 1);
    }
    size_t next = 0;
    for (const char* name : {
#define R(name) #name,
             WAFERSIM_REGISTERS(R)
#undef R
         }) {
        const std::vector<int> bank = s.integers(std::string("registers.") + name);
        if (bank.size() != 2)
            throw ConfigError(std::string("machine table: row 'registers.") + name + "' needs address and count");
        registers[next++] = {bank[0], bank[1]};
    }
    register_at.assign(0x10000, RegisterId::count);
    for (size_t i = registers.size(); i-- > 0;) {  // of banks that overlap the first counts
        const int end = std::min(registers[i].address + registers[i].count, 0x10000);
        for (int a = std::max(registers[i].address, 0); a < end; ++a) register_at[static_cast<size_t>(a)] = static_cast<RegisterId>(i);
    }
}

}  // namespace wafersim
