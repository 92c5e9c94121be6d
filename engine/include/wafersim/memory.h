// The memory of one PE: 16-bit words, wider values as little-endian groups, every access checked.
//
// Storage is kept for the words of variables only (half a million PEs with all of their memory are more than the host
// has). The first access behind them moves the PE to storage that reaches as far; words never written are 0.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "error.h"

namespace wafersim {

class Memory {
public:
    Memory() = default;
    // `words`: zeros, storage for the first `stored` words of `size`.
    Memory(uint16_t* words, int stored, int size) : words_(words), stored_(stored), size_(size) {}

    int size() const { return size_; }
    int stored() const { return stored_; }  // words from the first one that have storage
    // Of the first word. `check` and `holds` may move the storage: they come first.
    uint16_t* data() { return words_; }
    const uint16_t* data() const { return words_; }

    void check(int64_t address, int64_t words, const char* what) const {
        if (address < 0 || address + words > stored_) [[unlikely]] check_size(address, words, what);
    }

    // Words [first, end) exist, and have storage from now on.
    bool holds(int64_t first, int64_t end) const {
        if (first < 0 || end > size_) return false;
        if (end > stored_) [[unlikely]] grow(end);
        return true;
    }

    // Copies words out, without storage for those that have none.
    void read(int64_t address, int64_t words, uint16_t* to) const {
        if (address < 0 || address + words > size_) out_of_bounds(address, words, "read");
        const int64_t kept = std::clamp<int64_t>(stored_ - address, 0, words);
        if (kept > 0) std::copy_n(words_ + address, kept, to);
        std::fill(to + kept, to + words, uint16_t{0});
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

    void check_size(int64_t address, int64_t words, const char* what) const {
        if (!holds(address, address + words)) out_of_bounds(address, words, what);
    }

    void grow(int64_t end) const {
        const auto stored = static_cast<int>(std::min<int64_t>(size_, (end + end / 4 + 31) / 32 * 32));
        auto storage = std::make_unique<uint16_t[]>(static_cast<size_t>(stored));
        std::copy_n(words_, stored_, storage.get());
        own_ = std::move(storage);
        words_ = own_.get();
        stored_ = stored;
    }

    // Where the words are is no part of what they are: it changes in a constant memory too.
    mutable uint16_t* words_ = nullptr;
    mutable int stored_ = 0;
    int size_ = 0;
    mutable std::unique_ptr<uint16_t[]> own_;  // once the storage has moved
};

}  // namespace wafersim
