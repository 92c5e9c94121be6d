#include "team.h"

namespace wafersim::fast {

namespace {

void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

Team::Team(int threads) : patience_(4000) {
    // With fewer cores than threads, whoever waits keeps another one from working.
    if (static_cast<int>(std::thread::hardware_concurrency()) < threads) patience_ = 0;
    for (int n = 1; n < threads; ++n) threads_.emplace_back([this, n] { work(n); });
}

Team::~Team() {
    job_ = nullptr;
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Team::wait_beyond(const std::atomic<int>& value, int bound) const {
    for (int i = 0; i < patience_; ++i) {
        if (value.load(std::memory_order_acquire) > bound) return;
        pause();
    }
    for (int now; (now = value.load(std::memory_order_acquire)) <= bound;) value.wait(now, std::memory_order_acquire);
}

void Team::run(const std::function<void(int)>& job) {
    job_ = &job;
    completed_.store(0, std::memory_order_relaxed);
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
    job(0);
    wait_beyond(completed_, static_cast<int>(threads_.size()) - 1);
}

void Team::work(int number) {
    for (int done = 0;; ++done) {
        wait_beyond(jobs_, done);
        if (!job_) return;
        (*job_)(number);
        completed_.fetch_add(1, std::memory_order_release);
        completed_.notify_all();
    }
}

}  // namespace wafersim::fast
