// The memory of one PE: 16-bit words, wider values as little-endian groups, every access checked.
#pragma once

#include <cstdint>
#include <string>

#include "error.h"

namespace wafersim {

class Memory {
public:
    Memory() = default;
    Memory(uint16_t* words, int size) : words_(words), size_(size) {}

    int size() const { return size_; }
    uint16_t* data() { return words_; }
    const uint16_t* data() const { return words_; }

    void check(int64_t address, int64_t words, const char* what) const {
        if (address < 0 || address + words > size_) [[unlikely]] out_of_bounds(address, words, what);
    }

    uint64_t load(int64_t address, int words) const {
        check(address, words, "read");
        uint64_t value = 0;
        for (int i = words; i-- > 0;) value = value << 16 | words_[address + i];
        return value;
    }

    void store(int64_t address, int words, uint64_t value) {
        check(address, words, "write");
        for (int i = 0; i < words; ++i, value >>= 16) words_[address + i] = static_cast<uint16_t>(value);
    }

private:
    [[noreturn]] void out_of_bounds(int64_t address, int64_t words, const char* what) const {
        throw Fault(std::string(what) + " of " + std::to_string(words) + " words at address " +
                    std::to_string(address) + " is outside of memory (" + std::to_string(size_) + " words)");
    }

    uint16_t* words_ = nullptr;
    int size_ = 0;
};

}  // namespace wafersim
