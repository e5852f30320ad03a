// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "path_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// A write rule. The target is an absolute, normal path in UTF-8, which is all that JSON can hold.
struct plain_rule {
    std::string target{};
    bool recursive{true};

    [[nodiscard]] bool covers(std::string_view place) const noexcept {
        return is_at_or_below(target, place) &&
               (recursive || place.size() == target.size() || is_child_of(target, place));
    }

    friend bool operator==(const plain_rule&, const plain_rule&) = default;
};

/// What a pod has handed to a child, and may not write itself meanwhile.
struct plain_layer {
    std::string child{};
    plain_rule rule{};

    friend bool operator==(const plain_layer&, const plain_layer&) = default;
};

/// Whose a pod is, and whom one would ask whether it lives.
struct plain_process {
    std::int64_t pid{};
    std::int64_t started{}; ///< in ticks after the boot: tells it from a later one of its number

    friend bool operator==(const plain_process&, const plain_process&) = default;
};

struct plain_pod {
    std::string name{};
    std::string parent{}; ///< empty for a root
    plain_process owner{};
    std::vector<plain_rule> write{};
    std::vector<plain_layer> layers{};

    friend bool operator==(const plain_pod&, const plain_pod&) = default;
};

enum class plain_outcome : std::uint8_t { done, unknown_pod, duplicate_name, conflict };

/// The table of live pods as the plain scheme has it in memory, and its form as JSON: a list of
/// `{"name": …, "parent": …, "pid": …, "started": …, "write": [rule, …], "layers": [child, rule,
/// …]}`, where a rule is `/a/**` if it is recursive and `/a/*` if not.
///
/// All searches read the whole list, as there is nothing else that a table that was just
/// parsed could be asked.
class plain_table {
public:
    [[nodiscard]] static plain_table from_json(std::string_view text);
    void to_json(std::string& text) const;

    [[nodiscard]] const std::vector<plain_pod>& pods() const noexcept { return pods_; }

    [[nodiscard]] const plain_pod* find(std::string_view name) const noexcept {
        const auto at = std::ranges::find(pods_, name, &plain_pod::name);
        return at == pods_.end() ? nullptr : &*at;
    }

    /// The pods that may write where the rules do, in the order of the table; not counting one on
    /// whose behalf the rules are asked for.
    [[nodiscard]] std::vector<std::string> conflict_search(std::span<const plain_rule> rules,
                                                           std::string_view on_behalf_of) const {
        std::vector<std::string> found;
        for (const plain_pod& pod : pods_) {
            if (pod.name != on_behalf_of && competes(pod, rules)) {
                found.push_back(pod.name);
            }
        }
        return found;
    }

    [[nodiscard]] bool may_write(std::string_view name, std::string_view place) const noexcept {
        const plain_pod* const pod = find(name);
        return pod != nullptr &&
               std::ranges::any_of(pod->write,
                                   [&](const plain_rule& rule) { return rule.covers(place); }) &&
               std::ranges::none_of(
                   pod->layers, [&](const plain_layer& layer) { return layer.rule.covers(place); });
    }

    /// Adds a pod that has its rules from nobody's.
    [[nodiscard]] plain_outcome add(plain_pod added) {
        return free_for(added.name, added.write, {}, [&] { pods_.push_back(std::move(added)); });
    }

    /// Adds a child, and a layer for each of its rules on its parent.
    [[nodiscard]] plain_outcome delegate(plain_pod child) {
        const auto parent = std::ranges::find(pods_, child.parent, &plain_pod::name);
        if (parent == pods_.end()) {
            return plain_outcome::unknown_pod;
        }
        return free_for(child.name, child.write, child.parent, [&] {
            for (const plain_rule& rule : child.write) {
                parent->layers.push_back({child.name, rule});
            }
            pods_.push_back(std::move(child));
        });
    }

    /// Removes a pod and the layers on its parent. What it had handed on itself, its parent has
    /// then.
    [[nodiscard]] plain_outcome remove(std::string_view name) {
        const auto at = std::ranges::find(pods_, name, &plain_pod::name);
        if (at == pods_.end()) {
            return plain_outcome::unknown_pod;
        }
        const plain_pod gone = std::move(*at);
        pods_.erase(at);
        const auto parent = std::ranges::find(pods_, gone.parent, &plain_pod::name);
        if (parent != pods_.end()) {
            std::erase_if(parent->layers,
                          [&](const plain_layer& layer) { return layer.child == gone.name; });
            parent->layers.insert(parent->layers.end(), gone.layers.begin(), gone.layers.end());
        }
        if (!gone.layers.empty()) {
            for (plain_pod& pod : pods_) {
                if (pod.parent == gone.name) {
                    pod.parent = gone.parent;
                }
            }
        }
        return plain_outcome::done;
    }

private:
    template <class F>
    [[nodiscard]] plain_outcome free_for(std::string_view name,
                                         std::span<const plain_rule> rules,
                                         std::string_view on_behalf_of,
                                         F&& enter) {
        if (find(name) != nullptr) {
            return plain_outcome::duplicate_name;
        }
        if (!conflict_search(rules, on_behalf_of).empty()) {
            return plain_outcome::conflict;
        }
        enter();
        return plain_outcome::done;
    }

    [[nodiscard]] static bool competes(const plain_pod& pod,
                                       std::span<const plain_rule> rules) noexcept {
        for (const plain_rule& own : pod.write) {
            for (const plain_rule& wanted : rules) {
                if (meet(own, wanted) && !is_handed_on(pod, own, wanted)) {
                    return true;
                }
            }
        }
        return false;
    }

    // Two rules meet where the deeper one starts, or nowhere.
    [[nodiscard]] static bool meet(const plain_rule& a, const plain_rule& b) noexcept {
        return a.target.size() <= b.target.size() ? a.covers(b.target) : b.covers(a.target);
    }

    // Whether one layer covers all that two rules that meet have in common. No two layers do it
    // together: a folder may always get one more child than they name.
    [[nodiscard]] static bool
    is_handed_on(const plain_pod& pod, const plain_rule& a, const plain_rule& b) noexcept {
        const plain_rule& upper = a.target.size() <= b.target.size() ? a : b;
        const plain_rule& lower = &upper == &a ? b : a;
        // Two rules at one target have in common what the narrower one covers; else it is all of
        // the lower rule, or its target alone if the upper one is not recursive.
        const bool same = upper.target.size() == lower.target.size();
        const bool is_point = !upper.recursive && !same;
        const bool is_tree = same ? a.recursive && b.recursive : lower.recursive;
        return std::ranges::any_of(pod.layers, [&](const plain_layer& layer) {
            const plain_rule& rule = layer.rule;
            if (is_point) {
                return rule.covers(lower.target);
            }
            if (rule.recursive) {
                return is_at_or_below(rule.target, lower.target);
            }
            return !is_tree && rule.target == lower.target;
        });
    }

    friend class plain_table_reader;

    std::vector<plain_pod> pods_{};
};

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
