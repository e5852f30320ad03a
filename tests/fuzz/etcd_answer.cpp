// SPDX-License-Identifier: BSL-1.0
// The input is what an etcd may answer, or whoever answers in its place. What another
// implementation takes for JSON must be read, and as the same; what is read as an answer to a
// transaction must be what the text says.
#include "fuzz/target.hpp"

#include <podscope/backend/base64.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/json_value.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

using podscope::backend_detail::etcd_answer;
using podscope::backend_detail::from_base64;
using podscope::backend_detail::json_value;
using podscope::backend_detail::to_base64;
using other_value = nlohmann::json;

[[nodiscard]] std::size_t depth_of(const other_value& value) {
    std::size_t deepest = 0;
    if (value.is_structured()) {
        for (const auto& one : value) {
            deepest = std::max(deepest, depth_of(one));
        }
    }
    return deepest + 1;
}

// Of a text in which escapes above ASCII were read as U+FFFD.
[[nodiscard]] bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void expect_same(const json_value& read, const other_value& other) {
    fuzz::expect(read.is_object() == other.is_object(), "an object is read as something else");
    fuzz::expect(read.is_null() == other.is_null(), "a null is read as something else");
    fuzz::expect(read.is_true() == (other.is_boolean() && other.get<bool>()),
                 "a truth is read as something else");
    if (other.is_string()) {
        const auto& text = other.get_ref<const std::string&>();
        fuzz::expect(!is_ascii(text) || read.text() == text, "another text is read");
    }
    if (other.is_number_unsigned()) {
        fuzz::expect(read.number() == other.get<std::uint64_t>(), "another number is read");
    }
    if (other.is_array()) {
        fuzz::expect(read.items().size() == other.size(), "an array has another length");
        for (std::size_t i = 0; i != other.size(); ++i) {
            expect_same(read.items()[i], other[i]);
        }
    }
}

// Members whose names are given twice are another matter: the first one counts here, the last
// there.
void expect_same_members(const json_value& read, const other_value& other) {
    if (!other.is_object() || read.items().size() != other.size()) {
        return;
    }
    for (const auto& [name, value] : other.items()) {
        if (is_ascii(name)) {
            expect_same(read[name], value);
            expect_same_members(read[name], value);
        }
    }
}

void expect_sense(const etcd_answer& answer, const json_value& said) {
    const auto& responses = said["responses"].items();
    fuzz::expect(answer.answers.size() == responses.size(), "answers are lost or made up");
    for (std::size_t i = 0; i != responses.size(); ++i) {
        const auto& one = answer.answers[i];
        if (const auto& nested = responses[i]["response_txn"]; nested.is_object()) {
            expect_sense(one, nested);
            continue;
        }
        const auto& rows = responses[i]["response_range"]["kvs"].items();
        fuzz::expect(one.rows.size() == rows.size(), "rows are lost or made up");
        for (std::size_t row = 0; row != rows.size(); ++row) {
            fuzz::expect(from_base64(rows[row]["key"].text()) == one.rows[row].key,
                         "a row has another key");
            fuzz::expect(from_base64(to_base64(one.rows[row].value)) == one.rows[row].value,
                         "bytes do not come back from base64");
        }
    }
}

} // namespace

void fuzz::examine(std::string_view input) {
    const auto read = json_value::parse(input);
    if (read) {
        if (const auto answer = podscope::backend_detail::read_etcd_answer(*read)) {
            expect_sense(*answer, *read);
        }
    }
    // The other one takes a NUL for the end, and passes over a byte order mark.
    if (input.find('\0') != std::string_view::npos || input.starts_with('\xEF')) {
        return;
    }
    const auto other = other_value::parse(input, nullptr, /*allow_exceptions=*/false);
    if (other.is_discarded() || depth_of(other) > json_value::max_depth) {
        return;
    }
    fuzz::expect(read.has_value(), "what is JSON is refused");
    expect_same(*read, other);
    expect_same_members(*read, other);
}
