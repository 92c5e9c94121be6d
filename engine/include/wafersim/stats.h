// Counters of a run. They describe what happened and never influence it.
#pragma once

#include <cstdint>

namespace wafersim {

struct Stats {
    uint64_t instructions = 0;      // scalar operations issued
    uint64_t vector_operations = 0; // DSD operations completed
    uint64_t vector_elements = 0;
    uint64_t wavelet_moves = 0;     // hops, and ramp and host crossings
    uint64_t tasks = 0;             // tasks started
    uint64_t pe_cycles = 0;         // cycles in which a PE issued something
    uint64_t filtered = 0;          // wavelets that a filter kept from a PE
    uint64_t dropped_controls = 0;  // control wavelets that no task and no operation wanted

    void add(const Stats& s) {
        instructions += s.instructions, vector_operations += s.vector_operations;
        vector_elements += s.vector_elements, wavelet_moves += s.wavelet_moves;
        tasks += s.tasks, pe_cycles += s.pe_cycles;
        filtered += s.filtered, dropped_controls += s.dropped_controls;
    }
};

}  // namespace wafersim
