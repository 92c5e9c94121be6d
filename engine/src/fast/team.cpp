// Waiting is for a short time mostly, so threads look again and again before they let the system put them to sleep.
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

Team::Team(int threads) : size_(threads), patience_(4000) {
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

void Team::wait_while(const std::atomic<uint32_t>& value, uint32_t old) const {
    for (int i = 0; i < patience_; ++i) {
        if (value.load(std::memory_order_acquire) != old) return;
        pause();
    }
    value.wait(old, std::memory_order_acquire);
}

void Team::run(const std::function<void(int)>& job) {
    job_ = &job;
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
    job(0);
    meet([] {});
}

void Team::work(int number) {
    for (uint32_t done = 0;; ++done) {
        wait_while(jobs_, done);
        if (!job_) return;
        (*job_)(number);
        meet([] {});
    }
}

}  // namespace wafersim::fast
