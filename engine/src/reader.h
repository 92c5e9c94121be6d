// Typed access to a value tree with error messages that name the path of the field.
#pragma once

#include <set>
#include <string>

#include "wafersim/error.h"
#include "wafersim/value.h"

namespace wafersim {

// One dictionary being read. Every field must be asked for; `finish` refuses what nobody asked for.
class Reader {
public:
    Reader(const Value& value, std::string path) : path_(std::move(path)), dict_(value.get<Dict>()) {
        if (!dict_) fail("is not a dictionary");
    }

    // The field, or nullptr when it is absent (the Python side leaves defaults out) or None.
    const Value* find(const std::string& name) {
        seen_.insert(name);
        const auto found = dict_->find(name);
        return found == dict_->end() || found->second.is_none() ? nullptr : &found->second;
    }

    int64_t integer(const std::string& name, int64_t otherwise) {
        const Value* value = find(name);
        if (!value) return otherwise;
        const auto* number = value->get<int64_t>();
        if (!number) fail("." + name + " is not an integer");
        return *number;
    }

    int small(const std::string& name, int otherwise, int low, int high) {
        const int64_t value = integer(name, otherwise);
        if (value < low || value > high) fail("." + name + " is out of range: " + std::to_string(value));
        return static_cast<int>(value);
    }

    bool flag(const std::string& name) { return integer(name, 0) != 0; }

    template <class Enum>
    Enum enumeration(const std::string& name, int count) {
        return static_cast<Enum>(small(name, 0, 0, count - 1));
    }

    std::string text(const std::string& name) {
        const Value* value = find(name);
        if (!value) return {};
        const auto* string = value->get<std::string>();
        if (!string) fail("." + name + " is not a string");
        return *string;
    }

    const List& list(const std::string& name) {
        static const List empty;
        const Value* value = find(name);
        if (!value) return empty;
        const auto* items = value->get<List>();
        if (!items) fail("." + name + " is not a list");
        return *items;
    }

    // A list of structures: `make(item, path)` for each.
    template <class F>
    auto objects(const std::string& name, F make) {
        std::vector<decltype(make(std::declval<const Value&>(), std::string()))> result;
        const List& items = list(name);
        result.reserve(items.size());
        for (size_t i = 0; i < items.size(); ++i) {
            result.push_back(make(items[i], path_ + "." + name + "[" + std::to_string(i) + "]"));
        }
        return result;
    }

    std::vector<int64_t> integers(const std::string& name) {
        return objects(name, [](const Value& item, const std::string& path) {
            const auto* number = item.get<int64_t>();
            if (!number) throw ConfigError(path + " is not an integer");
            return *number;
        });
    }

    std::vector<int> small_integers(const std::string& name) {
        std::vector<int> result;
        for (int64_t value : integers(name)) result.push_back(static_cast<int>(value));
        return result;
    }

    std::vector<std::string> texts(const std::string& name) {
        return objects(name, [](const Value& item, const std::string& path) {
            const auto* string = item.get<std::string>();
            if (!string) throw ConfigError(path + " is not a string");
            return *string;
        });
    }

    // Fields the engine has no use for.
    void ignore(std::initializer_list<const char*> names) { seen_.insert(names.begin(), names.end()); }

    void finish() const {
        for (const auto& [name, value] : *dict_) {
            if (!seen_.contains(name)) fail(" has a field the engine does not know: " + name);
        }
    }

    [[noreturn]] void fail(const std::string& what) const { throw ConfigError(path_ + what); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
    const Dict* dict_;
    std::set<std::string> seen_;
};

}  // namespace wafersim
