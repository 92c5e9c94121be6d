// Filters: which wavelets a router hands to its PE (docs/registers.md and the language reference).
#include "wafersim/router.h"

namespace wafersim {

namespace {

bool counted(const Filter& f, const Wavelet& w) { return w.control ? f.count_control : f.count_data; }

}  // namespace

bool filter_passes(const FilterState& filter, const Wavelet& w) {
    const Filter& f = filter.config;
    const int index = static_cast<int>(w.data >> 16);
    switch (f.kind) {
    case FilterKind::none: return true;
    case FilterKind::range: return w.control || (index >= f.min_idx && index <= f.max_idx);
    case FilterKind::counter: return !counted(f, w) || filter.counter <= f.max_counter;
    case FilterKind::sparse_counter: return !counted(f, w) || !filter.dropping;
    }
    return true;
}

// counter: up by one, from limit1 back to 0. sparse counter: passes limit1 wavelets, drops limit2, and so on.
void filter_count(FilterState& filter, const Wavelet& w) {
    const Filter& f = filter.config;
    if (f.kind == FilterKind::none || f.kind == FilterKind::range || !counted(f, w)) return;
    if (f.kind == FilterKind::counter) {
        filter.counter = filter.counter == f.limit1 ? 0 : filter.counter + 1;
        return;
    }
    if (++filter.counter >= (filter.dropping ? f.limit2 : f.limit1)) {
        filter.counter = 0;
        filter.dropping = !filter.dropping;
    }
}

}  // namespace wafersim
