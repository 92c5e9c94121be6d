// Python objects to values and back.
#include "convert.h"

#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

namespace wafersim {

namespace {

// Patterns of 64 bits may come as numbers above 2^63.
int64_t integer_from(nb::handle object) {
    nb::object number = nb::steal(PyNumber_Index(object.ptr()));
    if (!number.is_valid()) throw nb::python_error();
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (overflow == 0) return value;
    const unsigned long long bits = PyLong_AsUnsignedLongLong(number.ptr());
    if (PyErr_Occurred()) throw nb::python_error();
    return static_cast<int64_t>(bits);
}

List list_from(nb::handle object) {
    List list;
    for (nb::handle item : nb::borrow<nb::object>(object)) list.push_back(value_from(item));
    return list;
}

Dict dict_from(nb::handle object) {
    Dict dict;
    for (auto [key, item] : nb::cast<nb::dict>(object)) dict[nb::cast<std::string>(nb::str(key))] = value_from(item);
    return dict;
}

}  // namespace

Value value_from(nb::handle object) {
    if (object.is_none()) return {};
    if (PyFloat_Check(object.ptr())) return {nb::cast<double>(object)};
    if (PyIndex_Check(object.ptr()) && !nb::hasattr(object, "__len__")) return {integer_from(object)};
    if (nb::isinstance<nb::bytes>(object)) {
        const auto bytes = nb::cast<nb::bytes>(object);
        return {std::string(bytes.c_str(), bytes.size())};
    }
    if (nb::isinstance<nb::str>(object)) return {std::string(nb::cast<nb::str>(object).c_str())};
    if (nb::isinstance<nb::dict>(object)) return {dict_from(object)};
    if (nb::hasattr(object, "tolist")) return value_from(object.attr("tolist")());
    if (nb::hasattr(object, "__iter__")) return {list_from(object)};
    throw std::invalid_argument("cannot convert " + nb::cast<std::string>(nb::str(object.type())) + " for the engine");
}

nb::object object_from(const Value& value) {
    if (const auto* number = value.get<int64_t>()) return nb::cast(*number);
    if (const auto* real = value.get<double>()) return nb::cast(*real);
    if (const auto* text = value.get<std::string>()) return nb::str(text->c_str());
    if (const auto* list = value.get<List>()) {
        nb::list result;
        for (const Value& item : *list) result.append(object_from(item));
        return result;
    }
    if (const auto* dict = value.get<Dict>()) {
        nb::dict result;
        for (const auto& [key, item] : *dict) result[nb::str(key.c_str())] = object_from(item);
        return result;
    }
    return nb::none();
}

}  // namespace wafersim
