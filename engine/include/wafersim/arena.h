// Memory for state that lives as long as the mesh: zeroed, handed out in order, never given back one by one.
//
// What is taken one after the other lies side by side, so neighbours in the mesh are neighbours in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace wafersim {

// Asks the host for large pages where it has them. A mesh is visited from one end to the other again and again: with small
// pages their addresses cost as much as the visits.
inline constexpr size_t large_page = size_t{1} << 21;
void use_large_pages(void* first, size_t bytes);

class Arena {
public:
    template <class T>
    T* take(size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        const size_t bytes = count * sizeof(T);  // what fills a line of the host's cache begins with one
        T* first = reinterpret_cast<T*>(words(bytes, bytes >= line ? std::max(line, alignof(T)) : alignof(T)));
        for (size_t i = 0; i < count; ++i) new (first + i) T();
        return first;
    }
    size_t bytes() const { return taken_; }  // handed out so far

private:
    struct Free { void operator()(std::byte* p) const { std::free(p); } };
    static constexpr size_t small_block = size_t{1} << 17, blocks_before_large = 8, line = 64;

    std::byte* words(size_t bytes, size_t alignment) {
        size_t at = (used_ + alignment - 1) & ~(alignment - 1);
        if (blocks_.empty() || at + bytes > room_) {
            const size_t alike = blocks_.size() < blocks_before_large ? small_block : large_page;
            room_ = (std::max(alike, bytes) + alike - 1) / alike * alike;
            blocks_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(alike, room_)));
            if (!blocks_.back()) throw std::bad_alloc();
            if (alike == large_page) use_large_pages(blocks_.back().get(), room_);
            at = 0;
        }
        taken_ += at + bytes - (at ? used_ : 0);
        used_ = at + bytes;
        return blocks_.back().get() + at;
    }

    std::vector<std::unique_ptr<std::byte, Free>> blocks_;
    size_t used_ = 0, room_ = 0, taken_ = 0;
};

}  // namespace wafersim
