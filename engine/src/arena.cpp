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

}  // namespace wafersim
