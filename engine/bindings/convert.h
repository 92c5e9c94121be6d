// Between Python objects and the neutral values of the core.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "wafersim/value.h"

namespace wafersim {

namespace nb = nanobind;

// None, bool, int (IntEnum too), float, str, sequences, mappings, dataclasses' dictionaries; keys become strings.
Value value_from(nb::handle object);
nb::object object_from(const Value& value);

template <class T>
using Input = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;

// A NumPy array that owns `values`.
template <class T>
nb::object array_of(std::vector<T> values, std::initializer_list<size_t> shape) {
    auto* owned = new std::vector<T>(std::move(values));
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(owned->data(), shape, owner));
}

template <class T>
std::vector<T> vector_of(const Input<T>& array) {
    return std::vector<T>(array.data(), array.data() + array.size());
}

}  // namespace wafersim
