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

class Arena {
public:
    template <class T>
    T* take(size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        T* first = reinterpret_cast<T*>(words(count * sizeof(T), alignof(T)));
        for (size_t i = 0; i < count; ++i) new (first + i) T();
        return first;
    }
    size_t bytes() const { return taken_; }  // handed out so far

private:
    struct Free { void operator()(std::byte* p) const { std::free(p); } };
    static constexpr size_t block_bytes = size_t{1} << 18, line = 64;

    std::byte* words(size_t bytes, size_t alignment) {
        size_t at = (used_ + alignment - 1) & ~(alignment - 1);
        if (blocks_.empty() || at + bytes > room_) {
            room_ = (std::max(block_bytes, bytes) + line - 1) & ~(line - 1);
            blocks_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(line, room_)));
            if (!blocks_.back()) throw std::bad_alloc();
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
