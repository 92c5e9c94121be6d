// Threads work in stints of one mode or the other. Each stint is measured, and now and then the mode that was slower the
// last time is tried again.
#include "pace.h"

#include <algorithm>

namespace wafersim::fast {

namespace {

constexpr uint64_t least_saved = 256;       // visits that take longer than it takes threads to meet
constexpr uint64_t visits_a_stint = 1 << 17;  // about 10 ms
constexpr int least_stints = 16, most_stints = 256;  // up to the next trial: the more often it fails, the more

}  // namespace

void Pace::begin_stint() {
    resume();
    elapsed_ = 0;
    visits_ = 0;
}

bool Pace::choose(uint64_t visits, uint64_t most) {
    saved_ = saved_ * 7 / 8 + (visits - most);
    visits_ += visits;
    if (saved_ < 8 * least_saved) {
        if (together_) begin_stint();
        return together_ = false;
    }
    if (visits_ >= visits_a_stint) end_stint();
    return together_;
}

void Pace::end_stint() {
    double& own = seconds_a_visit_[together_];
    const double other = seconds_a_visit_[!together_];
    own = (elapsed_ + seconds_since_start()) / static_cast<double>(visits_);
    begin_stint();
    const bool was_trial = ++stints_ == 1;
    if (other == 0 || stints_ > stints_to_trial_) {  // a trial begins
        stints_ = 0;
        together_ = !together_;
    } else if (was_trial && own < other) {
        stints_to_trial_ = least_stints;
    } else if (other < own) {
        stints_to_trial_ = was_trial ? std::min(std::max(2 * stints_to_trial_, least_stints), most_stints) : least_stints;
        together_ = !together_;
    }
}

}  // namespace wafersim::fast
