// Blocks of PEs that advance for many cycles while their state is in the host's caches (docs/decisions/D11-fast-engine.md).
//
// In a window of several cycles each block moves by one row up and one column to the left a cycle. Then whatever happens in
// a block in a cycle depends on the blocks above and to the left, and on what the block has done before; blocks
// worked off from the top left to the bottom right give what cycle after cycle gives.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wafersim::fast {

struct Window {
    int width, height;   // of the mesh
    int block;           // rows and columns of a block
    int cycles;
    uint64_t begin, end; // from the first cycle to that after the last; the first block may bring the end forward

    struct Span {
        int from, to;
    };
    int block_rows() const { return (height + block - 1) / block; }
    int block_columns() const { return (width + block - 1) / block; }
    // Where the blocks of a row or column are in cycle begin + t. The first one begins as a larger one and shrinks, so that
    // its last rows and columns are in it for all cycles; the last one grows.
    Span rows(int block_row, int t) const { return span(block_row, t, height); }
    Span columns(int block_column, int t) const { return span(block_column, t, width); }

private:
    Span span(int number, int t, int size) const {
        const int ahead = cycles - 1 - t;
        return {number == 0 ? 0 : std::min(number * block + ahead, size), std::min((number + 1) * block + ahead, size)};
    }
};

}  // namespace wafersim::fast
