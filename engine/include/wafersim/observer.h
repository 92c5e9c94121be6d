// What can be watched during a run. Observers see events in the order of the simulation and change nothing.
#pragma once

#include <cstdint>
#include <string>

#include "wavelet.h"

namespace wafersim {

class Observer {
public:
    virtual ~Observer() = default;
    virtual void wavelet_moved(uint64_t cycle, int x, int y, int from_side, int to_mask, const Wavelet& wavelet) = 0;
    virtual void task_started(uint64_t cycle, int x, int y, int id, const std::string& name) = 0;
    virtual void task_ended(uint64_t cycle, int x, int y) = 0;
    virtual void operation_started(uint64_t cycle, int x, int y, int thread, const char* name, uint32_t length) = 0;
    virtual void operation_ended(uint64_t cycle, int x, int y, int thread) = 0;
};

}  // namespace wafersim
