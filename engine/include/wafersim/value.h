// A neutral tree of values: the form in which images and machine tables reach the core.
//
// The bindings build it from Python objects; the core never sees Python, files or text formats.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace wafersim {

struct Value;
using List = std::vector<Value>;
using Dict = std::map<std::string, Value>;

struct Value {
    std::variant<std::monostate, int64_t, double, std::string, List, Dict> data;

    bool is_none() const { return std::holds_alternative<std::monostate>(data); }
    template <class T>
    const T* get() const { return std::get_if<T>(&data); }
};

}  // namespace wafersim
