// What the host asks of the mesh.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "program.h"

namespace wafersim {

struct Rect {
    int x = 0, y = 0, w = 1, h = 1;
};

// Something the host asked for. It is done when `remaining` is 0.
struct Ticket {
    enum class Kind : uint8_t { launch, copy_in, copy_out, stream_in, stream_out, edge_send, edge_receive };
    Kind kind{};
    Rect rect;
    std::vector<int> per_program;       // launch: function; copies: address (none: not on these PEs)
    std::vector<uint64_t> arguments;
    bool indirect = false;              // the address is that of a pointer to the data
    uint32_t words = 0;                 // words (copies) or wavelets (streams) a PE
    int color = 0;
    Side side = side_host;
    std::span<const uint16_t> given;    // copies in: [h][w][words], the caller's until the ticket is done
    std::shared_ptr<const void> owner;  // keeps `given`
    std::vector<uint16_t> words_data;   // copies out: [h][w][words]
    std::vector<uint32_t> wavelets;     // streams: [h][w][n]
    std::vector<uint8_t> controls;      // streams in: which wavelets are control wavelets; empty for none
    uint64_t remaining = 0;             // PEs (commands) or wavelets (streams)
};

}  // namespace wafersim
