// Blocks of PEs that advance for many cycles while their state is in the host's caches (docs/decisions/D11-fast-engine.md).
//
// In a window of several cycles each block moves by one row up and one column to the left a cycle. Then whatever happens in
// a block in a cycle depends on the blocks above and to the left, and on what the block has done before; blocks
// worked off from the top left to the bottom right give what cycle after cycle gives.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wafersim::fast {

// Rows and columns of a block, and the cycles of a window.
struct BlockShape {
    int rows = 0, columns = 0, cycles = 0;
};

struct Window {
    int width, height;   // of the mesh
    BlockShape block;
    uint64_t begin, end; // from the first cycle to that after the last; the first block may bring the end forward

    struct Span {
        int from, to;
    };
    int block_rows() const { return (height + block.rows - 1) / block.rows; }
    int block_columns() const { return (width + block.columns - 1) / block.columns; }
    // Where the blocks of a row or column are in cycle begin + t. The first one begins as a larger one and shrinks, so that
    // its last rows and columns are in it for all cycles; the last one grows.
    Span rows(int block_row, int t) const { return span(block_row, t, block.rows, height); }
    Span columns(int block_column, int t) const { return span(block_column, t, block.columns, width); }

private:
    Span span(int number, int t, int side, int size) const {
        const int ahead = block.cycles - 1 - t;
        return {number == 0 ? 0 : std::min(number * side + ahead, size), std::min((number + 1) * side + ahead, size)};
    }
};

}  // namespace wafersim::fast
