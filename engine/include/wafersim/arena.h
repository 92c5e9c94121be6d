// Memory for state that lives as long as the mesh: zeroed, handed out in order, never given back one by one.
//
// Where state lies decides how fast a large mesh is: the host looks up the address of each of its pages. So blocks of PEs
// have their arenas, and what is visited together lies together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>
#include <vector>

namespace wafersim {

// Asks the host for large pages where it has them.
inline constexpr size_t large_page = size_t{1} << 21;
void use_large_pages(void* first, size_t bytes);

// Where arenas get their memory from.
class Pool {
public:
    std::byte* take(size_t bytes);  // a multiple of Arena::chunk; any thread may ask

private:
    struct Free { void operator()(std::byte* p) const { std::free(p); } };
    static constexpr size_t small_block = size_t{1} << 17, blocks_before_large = 8;
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::byte, Free>> blocks_;
    size_t used_ = 0, room_ = 0;
};

class Arena {
public:
    static constexpr size_t chunk = size_t{1} << 14;

    explicit Arena(Pool& pool) : pool_(pool) {}
    Arena(const Arena&) = delete;
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
    static constexpr size_t line = 64;
    std::byte* words(size_t bytes, size_t alignment);

    Pool& pool_;
    std::mutex mutex_;
    std::byte* chunk_ = nullptr;
    size_t used_ = 0, room_ = 0, taken_ = 0;
};

// One for each block of PEs of a mesh.
class Arenas {
public:
    static constexpr int side = 16;  // of a block, in PEs
    Arenas(int width, int height);
    Arena& at(int x, int y) const { return *arenas_[static_cast<size_t>(y / side * columns_ + x / side)]; }
    Arena& of(uint32_t pe) const { return at(static_cast<int>(pe) % width_, static_cast<int>(pe) / width_); }
    size_t bytes() const;

private:
    int width_, columns_;
    Pool pool_;
    std::vector<std::unique_ptr<Arena>> arenas_;
};

}  // namespace wafersim
