// Threads that work in step: all do the same job, and meet when they are told to.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace wafersim::fast {

class Team {
public:
    // `threads`, of which the caller of `run` is one.
    explicit Team(int threads);
    Team(const Team&) = delete;
    ~Team();

    int size() const { return size_; }
    // Calls job(n) on each thread, n from 0, and waits for all. A job must not throw.
    void run(const std::function<void(int)>& job);

    // Within a job: waits for everybody. The last to come calls `between` first, while all others wait.
    template <class F>
    void meet(F between) {
        const uint32_t meeting = meetings_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < size_) return wait_while(meetings_, meeting);
        arrived_.store(0, std::memory_order_relaxed);
        between();
        meetings_.store(meeting + 1, std::memory_order_release);
        meetings_.notify_all();
    }

private:
    void work(int number);
    void wait_while(const std::atomic<uint32_t>& value, uint32_t old) const;

    int size_, patience_;
    const std::function<void(int)>* job_ = nullptr;  // none: the team is dismissed
    alignas(64) std::atomic<uint32_t> jobs_{0};      // given so far
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<uint32_t> meetings_{0};
    std::vector<std::thread> threads_;               // all but the caller
};

}  // namespace wafersim::fast
