// When to look at what again: a wheel of the next cycles, and a heap for what lies further ahead.
//
// An entry is only a hint. Who is woken keeps its own time; entries that no longer agree with it are dropped.
#pragma once

#include <array>
#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

namespace wafersim::fast {

class TimeWheel {
public:
    void add(uint64_t now, uint64_t cycle, uint32_t who) {
        if (cycle - now < span) near_[cycle % span].push_back(who);
        else far_.emplace(cycle, who);
    }

    // Calls f for everybody who may be due at `now`, and forgets them.
    template <class F>
    void take(uint64_t now, F f) {
        std::vector<uint32_t>& due = near_[now % span];
        for (uint32_t who : due) f(who);
        due.clear();
        for (; !far_.empty() && far_.top().first <= now; far_.pop()) f(far_.top().second);
    }

    // The first cycle after `now` at which somebody is due; `due_at(who, cycle)` says whether an entry still holds.
    template <class F>
    uint64_t next(uint64_t now, F due_at) {
        for (uint64_t cycle = now + 1; cycle < now + span; ++cycle) {
            for (uint32_t who : near_[cycle % span])
                if (due_at(who, cycle)) return cycle < first_far(due_at) ? cycle : first_far(due_at);
        }
        return first_far(due_at);
    }

private:
    using Entry = std::pair<uint64_t, uint32_t>;

    template <class F>
    uint64_t first_far(F due_at) {
        while (!far_.empty() && !due_at(far_.top().second, far_.top().first)) far_.pop();
        return far_.empty() ? ~uint64_t{0} : far_.top().first;
    }

    static constexpr uint64_t span = 512;
    std::array<std::vector<uint32_t>, span> near_;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> far_;
};

}  // namespace wafersim::fast
