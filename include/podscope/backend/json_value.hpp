// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// A JSON value of whatever shape, for answers whose members come in any order and may be missing.
/// What is asked of a value of another kind is as if it were not there.
class json_value {
public:
    /// How deep values may lie within each other, the outermost one counted.
    static constexpr std::size_t max_depth = 32;

    json_value() = default;

    /// Reads a text that is one value and nothing else; nothing if it is not. Escapes above ASCII
    /// become U+FFFD: they stand only in sentences for people.
    [[nodiscard]] static std::optional<json_value> parse(std::string_view text);

    /// The member of that name; a null if there is none.
    [[nodiscard]] const json_value& operator[](std::string_view name) const noexcept {
        static const json_value missing;
        const auto found = std::find(names_.begin(), names_.end(), name);
        return found == names_.end() ? missing
                                     : items_[static_cast<std::size_t>(found - names_.begin())];
    }

    [[nodiscard]] bool is_object() const noexcept { return kind_ == kind::object; }

    [[nodiscard]] bool is_null() const noexcept { return kind_ == kind::null; }

    [[nodiscard]] bool is_true() const noexcept { return kind_ == kind::truth; }

    /// The text of a string.
    [[nodiscard]] std::string_view text() const noexcept {
        return kind_ == kind::string ? std::string_view{text_} : std::string_view{};
    }

    /// A whole number, written as such or in a string, as 64 bits are in JSON; 0 for a null.
    [[nodiscard]] std::optional<std::uint64_t> number() const noexcept {
        std::uint64_t value = 0;
        if (kind_ == kind::null) {
            return value;
        }
        const char* const end = text_.data() + text_.size();
        const auto [stop, trouble] = std::from_chars(text_.data(), end, value);
        return stop == end && trouble == std::errc{} ? std::optional{value} : std::nullopt;
    }

    /// The values of an array, or of an object.
    [[nodiscard]] const std::vector<json_value>& items() const noexcept { return items_; }

private:
    enum class kind : std::uint8_t { null, truth, falsehood, number, string, array, object };

    class parser;

    kind kind_{kind::null};
    std::string text_{};
    std::vector<json_value> items_{};
    std::vector<std::string> names_{}; // of an object: one for each item
};

class json_value::parser {
public:
    explicit parser(std::string_view text) noexcept : rest_{text} {}

    [[nodiscard]] bool whole(json_value& into) {
        const bool is_read = value(into, max_depth);
        skip_space();
        return is_read && rest_.empty();
    }

private:
    bool take(std::string_view expected) noexcept {
        const bool is_there = rest_.starts_with(expected);
        rest_.remove_prefix(is_there ? expected.size() : 0);
        return is_there;
    }

    void skip_space() noexcept {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
    }

    bool value(json_value& into, std::size_t depth) {
        skip_space();
        if (depth == 0 || rest_.empty()) {
            return false;
        }
        switch (rest_.front()) {
        case '{': return object(into, depth);
        case '[': return array(into, depth);
        case '"': into.kind_ = kind::string; return string(into.text_);
        case 't': into.kind_ = kind::truth; return take("true");
        case 'f': into.kind_ = kind::falsehood; return take("false");
        case 'n': into.kind_ = kind::null; return take("null");
        default: into.kind_ = kind::number; return number(into.text_);
        }
    }

    bool object(json_value& into, std::size_t depth) {
        into.kind_ = kind::object;
        take("{");
        skip_space();
        if (take("}")) {
            return true;
        }
        do {
            skip_space();
            if (!string(into.names_.emplace_back())) {
                return false;
            }
            skip_space();
            if (!take(":") || !value(into.items_.emplace_back(), depth - 1)) {
                return false;
            }
            skip_space();
        } while (take(","));
        return take("}");
    }

    bool array(json_value& into, std::size_t depth) {
        into.kind_ = kind::array;
        take("[");
        skip_space();
        if (take("]")) {
            return true;
        }
        do {
            if (!value(into.items_.emplace_back(), depth - 1)) {
                return false;
            }
            skip_space();
        } while (take(","));
        return take("]");
    }

    bool number(std::string& into) {
        const auto length = std::min(rest_.find_first_not_of("+-.0123456789Ee"), rest_.size());
        into = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return length != 0;
    }

    bool string(std::string& into) {
        if (!take("\"")) {
            return false;
        }
        for (;;) {
            const auto plain = rest_.find_first_of("\"\\");
            if (plain == std::string_view::npos) {
                return false;
            }
            into.append(rest_, 0, plain);
            rest_.remove_prefix(plain);
            if (take("\"")) {
                return true;
            }
            rest_.remove_prefix(1);
            if (!escape(into)) {
                return false;
            }
        }
    }

    bool escape(std::string& into) {
        constexpr std::string_view names = "\"\\/bfnrt";
        constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        if (take("u")) {
            std::uint32_t code = 0;
            const auto digits = rest_.substr(0, 4);
            const char* const end = digits.data() + digits.size();
            const char* const stop = std::from_chars(digits.data(), end, code, 16).ptr;
            if (digits.size() != 4 || stop != end) {
                return false;
            }
            into += code < 0x80 ? std::string(1, static_cast<char>(code)) : "\xEF\xBF\xBD";
            rest_.remove_prefix(4);
            return true;
        }
        const auto which = rest_.empty() ? std::string_view::npos : names.find(rest_.front());
        if (which == std::string_view::npos) {
            return false;
        }
        into.push_back(meanings[which]);
        rest_.remove_prefix(1);
        return true;
    }

    std::string_view rest_;
};

inline std::optional<json_value> json_value::parse(std::string_view text) {
    json_value made;
    return parser{text}.whole(made) ? std::optional{std::move(made)} : std::nullopt;
}

} // namespace podscope::backend_detail
