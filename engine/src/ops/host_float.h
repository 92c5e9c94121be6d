// Floating point of the host: loops over rows with instructions that not every host has.
#pragma once

#include <span>

#include "blocks.h"

namespace wafersim::ops {

struct HostBlock {
    Vec op;
    Block block;
};

// Those that this host can run; none if it lacks the instructions.
std::span<const HostBlock> host_blocks();

}  // namespace wafersim::ops
