// A vector of plain data in 16 bytes, for PEs: half a million of them have several.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace wafersim {

template <class T>
class CompactVector {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));

public:
    CompactVector() = default;
    CompactVector(CompactVector&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), room_(std::exchange(other.room_, 0)) {}
    CompactVector& operator=(CompactVector&&) = delete;
    ~CompactVector() { std::free(data_); }

    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    size_t bytes() const { return room_ * sizeof(T); }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }
    T& operator[](size_t i) { return data_[i]; }
    const T& operator[](size_t i) const { return data_[i]; }
    T& front() { return data_[0]; }
    T& back() { return data_[size_ - 1]; }
    const T& back() const { return data_[size_ - 1]; }

    void push_back(T value) {  // a copy: it may be an element
        if (size_ == room_) [[unlikely]] reserve(size_ + size_ / 2 + 1);
        data_[size_++] = value;
    }
    void pop_back() { --size_; }
    void pop_front() {
        std::copy(data_ + 1, data_ + size_, data_);
        --size_;
    }
    void resize(size_t size) {
        if (size > room_) reserve(static_cast<uint32_t>(size));
        std::fill(data_ + std::min<size_t>(size_, size), data_ + size, T());
        size_ = static_cast<uint32_t>(size);
    }
    template <class F>
    void erase_if(F f) {
        size_ = static_cast<uint32_t>(std::remove_if(begin(), end(), f) - begin());
    }

private:
    void reserve(uint32_t room) {
        T* data = static_cast<T*>(std::realloc(static_cast<void*>(data_), room * sizeof(T)));
        if (!data) throw std::bad_alloc();
        data_ = data;
        room_ = room;
    }

    T* data_ = nullptr;
    uint32_t size_ = 0, room_ = 0;
};

}  // namespace wafersim
