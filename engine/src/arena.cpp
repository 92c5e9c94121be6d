#include "wafersim/arena.h"

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace wafersim {

void use_large_pages([[maybe_unused]] void* first, [[maybe_unused]] size_t bytes) {
#ifdef MADV_HUGEPAGE
    const auto begin = (reinterpret_cast<uintptr_t>(first) + large_page - 1) & ~(large_page - 1);
    const auto end = (reinterpret_cast<uintptr_t>(first) + bytes) & ~(large_page - 1);
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a wish: it may fail
#endif
}

std::byte* Pool::take(size_t bytes) {
    const std::lock_guard guard(mutex_);
    if (used_ + bytes > room_) {
        const size_t alike = blocks_.size() < blocks_before_large ? small_block : large_page;
        room_ = (bytes + alike - 1) / alike * alike;
        blocks_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(alike, room_)));
        if (!blocks_.back()) throw std::bad_alloc();
        if (alike == large_page) use_large_pages(blocks_.back().get(), room_);
        used_ = 0;
    }
    used_ += bytes;
    return blocks_.back().get() + used_ - bytes;
}

std::byte* Arena::words(size_t bytes, size_t alignment) {
    const std::lock_guard guard(mutex_);
    size_t at = (used_ + alignment - 1) & ~(alignment - 1);
    if (at + bytes > room_) {
        room_ = (bytes + chunk - 1) / chunk * chunk;
        chunk_ = pool_.take(room_);
        at = used_ = 0;
    }
    taken_ += at + bytes - used_;
    used_ = at + bytes;
    return chunk_ + at;
}

Arenas::Arenas(int width, int height) : width_(width), columns_((width + side - 1) / side) {
    const int count = columns_ * ((height + side - 1) / side);
    for (int n = 0; n < count; ++n) arenas_.push_back(std::make_unique<Arena>(pool_));
}

size_t Arenas::bytes() const {
    size_t bytes = 0;
    for (const auto& arena : arenas_) bytes += arena->bytes();
    return bytes;
}

}  // namespace wafersim
