// Threads that do a job together.
//
// Waiting is for a short time mostly, so threads look again and again before they let the system put them to sleep.
#pragma once

#include <atomic>
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

    // Calls job(n) on each thread, n from 0, and waits for all. A job must not throw.
    void run(const std::function<void(int)>& job);
    // Within a job: waits until the value is beyond `bound`. Who raises it calls notify_all.
    void wait_beyond(const std::atomic<int>& value, int bound) const;

private:
    void work(int number);

    int patience_;                     // looks before a thread sleeps
    const std::function<void(int)>* job_ = nullptr;  // none: the team is dismissed
    alignas(64) std::atomic<int> jobs_{0};           // given so far
    alignas(64) std::atomic<int> completed_{0};      // by the other threads, all jobs together
    std::vector<std::thread> threads_;               // all but the caller
};

}  // namespace wafersim::fast
