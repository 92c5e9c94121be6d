// What a region hears of the routers beyond its border.
#include "border.h"

#include "wafersim/region.h"

namespace wafersim::fast {

Arrivals arrivals_of(Router& router, Side side) {
    Arrivals a;
    for (int color = 0; color < 32; ++color) {
        const int taken_as = arriving_color(router, side, color);
        a.color[static_cast<size_t>(color)] = static_cast<uint8_t>(taken_as);
        if (router.find(taken_as)) a.known |= uint32_t{1} << color;
    }
    return a;
}

// Of room and routes; the wavelets are for the region.
void Border::hear(const Mail& mail) {
    for (const Mail::Taken& t : mail.taken) --beyond_[t.column].held[t.color];
    for (const Mail::Rerouted& r : mail.rerouted) know(r.column, r.arrivals);
}

}  // namespace wafersim::fast
