// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "plain_table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// Builds a table while nlohmann/json reads the text, which saves the values that it would make of
/// the text first.
class plain_table_reader {
public:
    explicit plain_table_reader(plain_table& into) noexcept : pods_{&into.pods_} {}

    bool start_array(std::size_t /*unknown*/) {
        has_child_ = false;
        switch (at_) {
        case place::outside: at_ = place::table; return true;
        case place::pod:
            at_ = place::list;
            return field_ == field::write || field_ == field::layers;
        default: return false;
        }
    }

    bool end_array() {
        at_ = at_ == place::list ? place::pod : place::outside;
        return !has_child_;
    }

    bool start_object(std::size_t /*unknown*/) {
        pods_->emplace_back();
        seen_ = 0;
        return std::exchange(at_, place::pod) == place::table;
    }

    bool key(std::string& text) {
        constexpr std::array<std::string_view, fields> names{"name",    "parent", "pid",
                                                             "started", "write",  "layers"};
        const auto found = std::ranges::find(names, text);
        field_ = static_cast<field>(found - names.begin());
        ++seen_;
        return found != names.end();
    }

    bool end_object() {
        at_ = place::table;
        return seen_ == fields;
    }

    bool string(std::string& text) {
        if (at_ == place::list) {
            return take_from_list(text);
        }
        if (at_ != place::pod) {
            return false;
        }
        plain_pod& pod = pods_->back();
        switch (field_) {
        case field::name: pod.name = text; return true;
        case field::parent: pod.parent = text; return true;
        default: return false;
        }
    }

    bool number_unsigned(std::uint64_t number) {
        return number_integer(static_cast<std::int64_t>(number));
    }

    bool number_integer(std::int64_t number) {
        if (at_ != place::pod) {
            return false;
        }
        plain_process& owner = pods_->back().owner;
        switch (field_) {
        case field::pid: owner.pid = number; return true;
        case field::started: owner.started = number; return true;
        default: return false;
        }
    }

    // None of these has a place in the table.
    bool null() { return false; }

    bool boolean(bool /*value*/) { return false; }

    bool number_float(double /*value*/, const std::string& /*text*/) { return false; }

    bool binary(nlohmann::json::binary_t& /*bytes*/) { return false; }

    bool parse_error(std::size_t /*at*/,
                     const std::string& /*token*/,
                     const nlohmann::json::exception& /*why*/) {
        return false;
    }

private:
    enum class place : std::uint8_t { outside, table, pod, list };
    enum class field : std::uint8_t {
        name,
        parent,
        pid,
        started,
        write,
        layers,
        unknown,
    };
    static constexpr int fields = static_cast<int>(field::unknown);

    bool take_from_list(const std::string& text) {
        plain_pod& pod = pods_->back();
        if (field_ == field::write) {
            return take_rule(text, pod.write.emplace_back());
        }
        has_child_ = !has_child_;
        if (has_child_) {
            pod.layers.emplace_back().child = text;
            return true;
        }
        return take_rule(text, pod.layers.back().rule);
    }

    static bool take_rule(std::string_view text, plain_rule& rule) {
        rule.recursive = text.ends_with("/**");
        if (!rule.recursive && !text.ends_with("/*")) {
            return false;
        }
        text.remove_suffix(rule.recursive ? 3 : 2);
        rule.target = text.empty() ? "/" : text;
        return true;
    }

    std::vector<plain_pod>* pods_;
    place at_{place::outside};
    field field_{field::name};
    int seen_{0};           // fields of the pod
    bool has_child_{false}; // in the list of layers: whether a child waits for its rule
};

inline plain_table plain_table::from_json(std::string_view text) {
    plain_table table;
    // One pod a line, as it was written; only to save the list from growing step by step.
    table.pods_.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 2);
    plain_table_reader reader{table};
    if (!nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &reader)) {
        throw std::runtime_error{"the table is not what was written"};
    }
    return table;
}

namespace plain_json {

inline void append_text(std::string& out, std::string_view text) {
    const auto is_special = [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    };
    if (std::ranges::any_of(text, is_special)) {
        out += nlohmann::json(text).dump();
        return;
    }
    out += '"';
    out += text;
    out += '"';
}

inline void append_rule(std::string& out, const plain_rule& rule) {
    append_text(out, rule.target.size() == 1 ? std::string_view{} : rule.target);
    out.pop_back();
    out += rule.recursive ? "/**\"" : "/*\"";
}

inline void append_pod(std::string& out, const plain_pod& pod) {
    out += R"({"name":)";
    append_text(out, pod.name);
    out += R"(,"parent":)";
    append_text(out, pod.parent);
    out += R"(,"pid":)";
    out += std::to_string(pod.owner.pid);
    out += R"(,"started":)";
    out += std::to_string(pod.owner.started);
    out += R"(,"write":[)";
    const char* between = "";
    for (const plain_rule& rule : pod.write) {
        out += std::exchange(between, ",");
        append_rule(out, rule);
    }
    out += R"(],"layers":[)";
    between = "";
    for (const plain_layer& layer : pod.layers) {
        out += std::exchange(between, ",");
        append_text(out, layer.child);
        out += ',';
        append_rule(out, layer.rule);
    }
    out += "]}";
}

} // namespace plain_json

inline void plain_table::to_json(std::string& text) const {
    text.assign(1, '[');
    const char* between = "";
    for (const plain_pod& pod : pods_) {
        text += std::exchange(between, ",\n");
        plain_json::append_pod(text, pod);
    }
    text += ']';
}

} // namespace podscope_bench
