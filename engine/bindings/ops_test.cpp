// Parts of the engine for tests: element-wise functions on arrays of bit patterns.
#include "ops_test.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "../src/ops/blocks.h"
#include "wafersim/ops.h"

namespace nb = nanobind;
using namespace wafersim;

namespace {

template <class T>
using Array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Result = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

template <class T>
Result<T> result_of(T* values, size_t size) {
    nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return Result<T>(values, {size}, owner);
}

template <class Code, class Rows>
Code find_row(const Rows& rows, const std::string& name) {
    for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].name == name) return static_cast<Code>(i);
    }
    throw std::invalid_argument("no operation named " + name);
}

Result<uint32_t> vec_op(const std::string& name, Array<uint32_t> a, Array<uint32_t> b, Array<uint32_t> c) {
    const Vec op = find_row<Vec>(vec_rows, name);
    if (b.size() != a.size() || c.size() != a.size()) throw std::invalid_argument("arrays differ in length");
    auto* out = new uint32_t[a.size()];
    for (size_t i = 0; i < a.size(); ++i) out[i] = ops::vec_element(op, a.data()[i], b.data()[i], c.data()[i]);
    return result_of(out, a.size());
}

// Elements of a row of 16- or 32-bit ones.
std::vector<uint16_t> to_row(const Array<uint32_t>& values, int words) {
    std::vector<uint16_t> row((values.size() + ops::block_elements) * 2);
    for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t value = values.data()[i];
        if (words == 1) ops::store_element<1>(row.data() + i, value);
        else ops::store_element<2>(row.data() + 2 * i, value);
    }
    return row;
}

Result<uint32_t> vec_row(const std::string& name, Array<uint32_t> a, Array<uint32_t> b, Array<uint32_t> c, bool portable) {
    const Vec op = find_row<Vec>(vec_rows, name);
    if (b.size() != a.size() || c.size() != a.size()) throw std::invalid_argument("arrays differ in length");
    const std::array<std::vector<uint16_t>, 3> rows{to_row(a, ops::source_words(op, 0)), to_row(b, ops::source_words(op, 1)),
                                                    to_row(c, ops::source_words(op, 2))};
    std::vector<uint16_t> results(a.size() * 2);
    const ops::Block block = portable ? ops::portable_block(op) : ops::block_of(op);
    block({rows[0].data(), rows[1].data(), rows[2].data()}, results.data(), static_cast<uint32_t>(a.size()));
    auto* out = new uint32_t[a.size()];
    for (size_t i = 0; i < a.size(); ++i) {
        out[i] = ops::dst_words(op) == 1 ? ops::load_element<1>(results.data() + i)
                                         : ops::load_element<2>(results.data() + 2 * i);
    }
    return result_of(out, a.size());
}

uint64_t scalar_element(Op op, Ty ty, uint64_t a, uint64_t b) {
    switch (op) {
    case Op::mov_: case Op::neg_: case Op::not_: return ops::scalar_unary(op, ty, a);
    case Op::eq_: case Op::ne_: case Op::lt_: case Op::le_: return ops::compare(op, ty, a, b);
    default: return ops::scalar_binary(op, ty, a, b);
    }
}

Result<uint64_t> scalar_op(const std::string& name, int ty, Array<uint64_t> a, Array<uint64_t> b) {
    const Op op = find_row<Op>(op_rows, name);
    if (b.size() != a.size()) throw std::invalid_argument("arrays differ in length");
    auto* out = new uint64_t[a.size()];
    auto result = result_of(out, a.size());
    for (size_t i = 0; i < a.size(); ++i) out[i] = scalar_element(op, static_cast<Ty>(ty), a.data()[i], b.data()[i]);
    return result;
}

Result<uint64_t> convert(int to, int from, Array<uint64_t> a) {
    auto* out = new uint64_t[a.size()];
    for (size_t i = 0; i < a.size(); ++i) {
        out[i] = ops::convert(static_cast<Ty>(to), static_cast<Ty>(from), a.data()[i]);
    }
    return result_of(out, a.size());
}

}  // namespace

void register_ops_test(nb::module_& m) {
    m.def("vec_op", &vec_op, nb::arg("name"), nb::arg("a"), nb::arg("b"), nb::arg("c"),
          "One element of DSD operation `name` for each position of the uint32 arrays.");
    m.def("vec_row", &vec_row, nb::arg("name"), nb::arg("a"), nb::arg("b"), nb::arg("c"), nb::arg("portable"),
          "The same by a loop over rows: the quickest one of this host, or the portable one.");
    m.def("scalar_op", &scalar_op, nb::arg("name"), nb::arg("ty"), nb::arg("a"), nb::arg("b"),
          "Scalar operation `name` of type number `ty` on uint64 arrays of register contents.");
    m.def("convert", &convert, nb::arg("to"), nb::arg("source"), nb::arg("a"),
          "Registers of type number `source` converted to type number `to`.");
}
