// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/base64.hpp>
#include <podscope/backend/json_value.hpp>
#include <podscope/json_writer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What is said to etcd and what it answers, as its JSON gateway has it.
namespace podscope::backend_detail {

/// A row as etcd has it.
struct etcd_row {
    std::string key{};
    std::string value{};
    std::uint64_t changed{}; ///< the revision of its last change
    std::uint64_t lease{};   ///< what it hangs on; 0 for nothing
};

/// What one operation of a transaction has given: the rows of a range, or what a transaction within
/// has answered.
struct etcd_answer {
    std::uint64_t revision{}; ///< the store's, after the transaction
    bool has_succeeded{};     ///< whether its comparisons held
    bool is_range{};          ///< whether the rows are those of a range
    std::vector<etcd_row> rows{};
    bool has_more{}; ///< whether the range had more rows than its limit
    std::vector<etcd_answer> answers{};
};

/// Builds an object as text.
class etcd_object {
public:
    etcd_object& bytes(std::string_view name, std::string_view value) {
        return text(name, to_base64(value));
    }

    /// In a string, as 64 bits are in JSON.
    etcd_object& number(std::string_view name, std::uint64_t value) {
        return text(name, std::to_string(value));
    }

    /// The same, for one whose absence means 0: etcd's gateway takes its time over each that is
    /// there.
    etcd_object& number_unless_0(std::string_view name, std::uint64_t value) {
        return value == 0 ? *this : number(name, value);
    }

    etcd_object& text(std::string_view name, std::string_view value) {
        into_.text(name, value);
        return *this;
    }

    /// A value that is JSON already.
    etcd_object& raw(std::string_view name, std::string_view json) {
        into_.raw(name, json);
        return *this;
    }

    /// The whole of it. Once.
    [[nodiscard]] std::string done() {
        into_.close();
        return std::move(text_);
    }

private:
    std::string text_{};
    json_object_writer into_{text_};
};

[[nodiscard]] inline std::string etcd_list(const std::vector<std::string>& items) {
    std::string text{"["};
    for (const auto& one : items) {
        text.append(text.size() == 1 ? "" : ",").append(one);
    }
    return text + ']';
}

/// The rows from one key up to another that is not included, or one row if there is no other.
/// @param limit how many at most; 0 for all
/// @param revision the state that is looked at; 0 for the present one
[[nodiscard]] inline std::string etcd_range(std::string_view from,
                                            std::string_view to = {},
                                            std::uint64_t limit = 0,
                                            std::uint64_t revision = 0) {
    etcd_object range;
    range.bytes("key", from);
    if (!to.empty()) {
        range.bytes("range_end", to);
    }
    return etcd_object{}
        .raw("request_range",
             range.number_unless_0("limit", limit).number_unless_0("revision", revision).done())
        .done();
}

[[nodiscard]] inline std::string
etcd_put(std::string_view key, std::string_view value, std::uint64_t lease = 0) {
    return etcd_object{}
        .raw("request_put", etcd_object{}
                                .bytes("key", key)
                                .bytes("value", value)
                                .number_unless_0("lease", lease)
                                .done())
        .done();
}

[[nodiscard]] inline std::string etcd_erase(std::string_view key) {
    return etcd_object{}.raw("request_delete_range", etcd_object{}.bytes("key", key).done()).done();
}

/// Holds if the row's last change is of that revision; 0 if there is no such row.
[[nodiscard]] inline std::string etcd_is_of(std::string_view key, std::uint64_t revision) {
    return etcd_object{}
        .text("target", "MOD")
        .text("result", "EQUAL")
        .bytes("key", key)
        .number("mod_revision", revision)
        .done();
}

/// Holds if every row from one key up to another was last changed before that revision.
[[nodiscard]] inline std::string
etcd_is_before(std::string_view from, std::string_view to, std::uint64_t revision) {
    return etcd_object{}
        .text("target", "MOD")
        .text("result", "LESS")
        .bytes("key", from)
        .bytes("range_end", to)
        .number("mod_revision", revision)
        .done();
}

/// Holds if there is such a row with that value.
[[nodiscard]] inline std::string etcd_is_value(std::string_view key, std::string_view value) {
    return etcd_object{}
        .text("target", "VALUE")
        .text("result", "EQUAL")
        .bytes("key", key)
        .bytes("value", value)
        .done();
}

[[nodiscard]] inline std::string etcd_txn(const std::vector<std::string>& comparisons,
                                          const std::vector<std::string>& if_they_hold,
                                          const std::vector<std::string>& otherwise = {}) {
    return etcd_object{}
        .raw("compare", etcd_list(comparisons))
        .raw("success", etcd_list(if_they_hold))
        .raw("failure", etcd_list(otherwise))
        .done();
}

/// A transaction as an operation of another.
[[nodiscard]] inline std::string etcd_nested(std::string_view txn) {
    return etcd_object{}.raw("request_txn", txn).done();
}

/// Reads the answer to a transaction; nothing if it makes no sense.
[[nodiscard]] inline std::optional<etcd_answer> read_etcd_answer(const json_value& said) {
    etcd_answer made{.has_succeeded = said["succeeded"].is_true()};
    const auto revision = said["header"]["revision"].number();
    if (!said.is_object() || !revision) {
        return std::nullopt;
    }
    made.revision = *revision;
    for (const auto& one : said["responses"].items()) {
        auto& into = made.answers.emplace_back();
        if (const auto& nested = one["response_txn"]; nested.is_object()) {
            auto inner = read_etcd_answer(nested);
            if (!inner) {
                return std::nullopt;
            }
            into = *std::move(inner);
            continue;
        }
        const auto& range = one["response_range"];
        into.is_range = range.is_object();
        into.has_more = range["more"].is_true();
        for (const auto& row : range["kvs"].items()) {
            auto key = from_base64(row["key"].text());
            auto value = from_base64(row["value"].text());
            const auto changed = row["mod_revision"].number();
            if (!key || !value || !changed) {
                return std::nullopt;
            }
            into.rows.push_back(
                {*std::move(key), *std::move(value), *changed, row["lease"].number().value_or(0)});
        }
    }
    return made;
}

} // namespace podscope::backend_detail
