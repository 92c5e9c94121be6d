// Threads work in stints of one mode or the other, and each stint is measured.
#include "pace.h"

#include <algorithm>

namespace wafersim::fast {

namespace {

constexpr uint64_t least_saved = 256;         // visits that take longer than it takes threads to meet
constexpr uint64_t visits_a_stint = 1 << 17;  // about 10 ms

}  // namespace

void Trials::measured(double seconds) {
    double& own = seconds_[together_];
    const double other = seconds_[!together_];
    own = own == 0 || on_trial_ ? seconds : own + (seconds - own) / memory;
    ++stints_;
    if (on_trial_) {
        on_trial_ = false;
        if (other < own) change();
        stints_to_trial_ = other < own ? std::min(2 * stints_to_trial_, most_stints) : least_stints;
        stints_ = 0;
    } else if (other == 0 || stints_ >= stints_to_trial_) {
        on_trial_ = true;
        change();
    } else if (other < own) {
        stints_to_trial_ = least_stints;
        stints_ = 0;
        change();
    }
}

void Pace::begin_stint() {
    resume();
    elapsed_ = 0;
    visits_ = 0;
}

bool Pace::choose(uint64_t visits, uint64_t most) {
    saved_ = saved_ * 7 / 8 + (visits - most);
    visits_ += visits;
    if (saved_ < 8 * least_saved) return in_stint_ = false;
    if (!in_stint_) {
        in_stint_ = true;
        begin_stint();
    } else if (visits_ >= visits_a_stint) {
        trials_.measured((elapsed_ + seconds_since_start()) / static_cast<double>(visits_));
        begin_stint();
    }
    return trials_.together();
}

}  // namespace wafersim::fast
