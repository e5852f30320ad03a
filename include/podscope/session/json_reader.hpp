// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/utf8.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// What keeps a text from being the JSON object that was asked for, and where.
struct json_fault {
    std::size_t at{};      ///< in bytes, counted from 0
    std::string message{}; ///< what is wrong there, as a part of a sentence
};

/// Whether a member may be missing.
enum class presence : bool { optional, required };

/// A member that a reader wants of an object, and where its value goes.
class json_member {
public:
    json_member(std::string_view name,
                std::string& into,
                presence wanted = presence::required) noexcept
        : name_{name},
          text_{&into},
          wanted_{wanted} {}

    json_member(std::string_view name,
                std::uint64_t& into,
                presence wanted = presence::required) noexcept
        : name_{name},
          number_{&into},
          wanted_{wanted} {}

    [[nodiscard]] std::string_view name() const noexcept { return name_; }

    [[nodiscard]] bool is_missing() const noexcept {
        return wanted_ == presence::required && !found_;
    }

    [[nodiscard]] std::string* text() const noexcept { return text_; }

    [[nodiscard]] std::uint64_t* number() const noexcept { return number_; }

    /// Notes that the member was met; false if it had been met before.
    bool meet() noexcept { return !std::exchange(found_, true); }

private:
    std::string_view name_;
    std::string* text_{};
    std::uint64_t* number_{};
    presence wanted_;
    bool found_{};
};

/// How deep objects and arrays may lie within each other in a text that is read, the outermost one
/// counted.
inline constexpr std::size_t max_json_depth = 64;

/// Reads one JSON object, by RFC 8259 to the letter: all escapes with surrogates in pairs only, all
/// text valid UTF-8, no leading zero, no text after the object. White space may stand wherever the
/// grammar has it.
///
/// The values of `wanted` are written as they are met: a text is decoded, a number must be whole
/// and from 0 to 2^64-1. Other members are checked for grammar and passed over, whatever their
/// value. Refused are a wanted member that is given twice, is of another type, or is missing though
/// required, and nesting below `max_json_depth`. After a fault the values are unspecified. Linear
/// in the text's length times the number of wanted members; allocates nothing but the values.
[[nodiscard]] std::optional<json_fault> read_json_object(std::string_view text,
                                                         std::span<json_member> wanted);

namespace session_detail {

class json_reader {
public:
    explicit json_reader(std::string_view text) noexcept : text_{text} {}

    [[nodiscard]] std::optional<json_fault> whole(std::span<json_member> wanted) {
        skip_space();
        if (object(wanted, 1)) {
            skip_space();
            if (at_ != text_.size()) {
                refuse("nothing may follow the object");
            }
        }
        return std::move(fault_);
    }

private:
    // Every function that reads something answers whether it could; if not, the fault is noted.

    bool refuse_at(std::size_t where, std::string message) {
        fault_ = json_fault{where, std::move(message)};
        return false;
    }

    bool refuse(std::string message) { return refuse_at(at_, std::move(message)); }

    [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }

    [[nodiscard]] char front() const noexcept { return at_end() ? '\0' : text_[at_]; }

    bool take(char expected) noexcept {
        const bool there = !at_end() && text_[at_] == expected;
        at_ += there ? 1 : 0;
        return there;
    }

    void skip_space() noexcept {
        while (take(' ') || take('\t') || take('\n') || take('\r')) {}
    }

    bool object(std::span<json_member> wanted, std::size_t depth) {
        if (!take('{')) {
            return refuse("an object was expected");
        }
        skip_space();
        if (!take('}')) {
            do {
                skip_space();
                if (!member(wanted, depth)) {
                    return false;
                }
                skip_space();
            } while (take(','));
            if (!take('}')) {
                return refuse("',' or '}' was expected");
            }
        }
        for (const auto& each : wanted) {
            if (each.is_missing()) {
                return refuse_at(at_ - 1,
                                 "the member '" + std::string{each.name()} + "' is missing");
            }
        }
        return true;
    }

    bool member(std::span<json_member> wanted, std::size_t depth) {
        const auto start = at_;
        name_.clear();
        if (!string(wanted.empty() ? nullptr : &name_)) {
            return false;
        }
        json_member* known = nullptr;
        for (auto& each : wanted) {
            known = each.name() == name_ ? &each : known;
        }
        if (known && !known->meet()) {
            return refuse_at(start, "the member '" + name_ + "' is given twice");
        }
        skip_space();
        if (!take(':')) {
            return refuse("':' was expected");
        }
        skip_space();
        if (!known) {
            return pass_over(depth);
        }
        if (known->text()) {
            known->text()->clear();
            return front() == '"' ? string(known->text())
                                  : refuse("the member '" + name_ + "' must be a string");
        }
        return whole_number(*known->number());
    }

    bool pass_over(std::size_t depth) {
        switch (front()) {
        case '"': return string(nullptr);
        case 't': return literal("true");
        case 'f': return literal("false");
        case 'n': return literal("null");
        case '{':
        case '[':
            if (depth == max_json_depth) {
                return refuse("the values lie too deep within each other");
            }
            return front() == '{' ? object({}, depth + 1) : array(depth + 1);
        default: return number();
        }
    }

    bool array(std::size_t depth) {
        take('[');
        skip_space();
        if (take(']')) {
            return true;
        }
        do {
            skip_space();
            if (!pass_over(depth)) {
                return false;
            }
            skip_space();
        } while (take(','));
        return take(']') || refuse("',' or ']' was expected");
    }

    bool literal(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) {
            return refuse("a value was expected");
        }
        at_ += word.size();
        return true;
    }

    bool digits() {
        const auto start = at_;
        while (front() >= '0' && front() <= '9') {
            ++at_;
        }
        return at_ != start || refuse("a digit was expected");
    }

    bool number() {
        const bool negative = take('-');
        if (!negative && (front() < '0' || front() > '9')) {
            return refuse(at_end() ? "the text ends too early" : "a value was expected");
        }
        if (!take('0') && !digits()) {
            return false;
        }
        if (take('.') && !digits()) {
            return false;
        }
        if (take('e') || take('E')) {
            if (!take('+')) {
                take('-');
            }
            return digits();
        }
        return true;
    }

    bool whole_number(std::uint64_t& into) {
        const auto start = at_;
        const bool is_number = front() == '-' || (front() >= '0' && front() <= '9');
        if (is_number && !number()) {
            return false;
        }
        const char* const end = text_.data() + at_;
        const auto [stop, trouble] = std::from_chars(text_.data() + start, end, into);
        if (!is_number || stop != end || trouble != std::errc{}) {
            return refuse_at(start, "the member '" + name_ +
                                        "' must be a whole number from 0 to 18446744073709551615");
        }
        return true;
    }

    /// Reads a string, and appends what it stands for to `into` if that is given.
    bool string(std::string* into) {
        if (!take('"')) {
            return refuse("a string was expected");
        }
        for (;;) {
            const auto start = at_;
            while (!at_end() && is_plain(text_[at_])) {
                ++at_;
            }
            if (into) {
                into->append(text_, start, at_ - start);
            }
            if (at_end()) {
                return refuse("the text ends within a string");
            }
            if (take('"')) {
                return true;
            }
            if (!(take('\\') ? escape(into) : sequence(into))) {
                return false;
            }
        }
    }

    /// Whether a byte stands for itself in a string, without a look at its neighbours.
    [[nodiscard]] static bool is_plain(char c) noexcept {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
    }

    bool sequence(std::string* into) {
        if (static_cast<unsigned char>(front()) < 0x20) {
            return refuse("a control character in a string must be escaped");
        }
        const auto length = utf8_length(text_.substr(at_));
        if (length == 0) {
            return refuse("a string must be valid UTF-8");
        }
        if (into) {
            into->append(text_, at_, length);
        }
        at_ += length;
        return true;
    }

    /// Reads what follows a backslash.
    bool escape(std::string* into) {
        constexpr std::string_view names = "\"\\/bfnrt";
        constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        if (take('u')) {
            return code_point(into);
        }
        const auto which = at_end() ? std::string_view::npos : names.find(front());
        if (which == std::string_view::npos) {
            return refuse("a backslash must be followed by one of \" \\ / b f n r t u");
        }
        ++at_;
        if (into) {
            into->push_back(meanings[which]);
        }
        return true;
    }

    /// Reads what follows `\u`, with the second half of a surrogate pair.
    bool code_point(std::string* into) {
        const auto start = at_;
        std::uint32_t code{};
        if (!four_hex(code)) {
            return false;
        }
        if (code >= 0xD800 && code <= 0xDFFF) {
            std::uint32_t low{};
            if (code > 0xDBFF || !take('\\') || !take('u')) {
                return refuse_at(start, "a surrogate must stand in a pair, the high one first");
            }
            if (!four_hex(low)) {
                return false;
            }
            if (low < 0xDC00 || low > 0xDFFF) {
                return refuse_at(start, "a surrogate must stand in a pair, the high one first");
            }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        if (into) {
            append_utf8(*into, code);
        }
        return true;
    }

    bool four_hex(std::uint32_t& into) {
        for (int i = 0; i != 4; ++i) {
            const auto c = static_cast<std::uint32_t>(static_cast<unsigned char>(front()));
            const auto lower = c | 0x20;
            if (c >= '0' && c <= '9') {
                into = (into << 4) | (c - '0');
            } else if (lower >= 'a' && lower <= 'f') {
                into = (into << 4) | (lower - 'a' + 10);
            } else {
                return refuse("four hexadecimal digits must follow \\u");
            }
            ++at_;
        }
        return true;
    }

    static void append_utf8(std::string& into, std::uint32_t code) {
        const auto push = [&](std::uint32_t byte) { into.push_back(static_cast<char>(byte)); };
        if (code < 0x80) {
            push(code);
        } else if (code < 0x800) {
            push(0xC0 | (code >> 6));
            push(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            push(0xE0 | (code >> 12));
            push(0x80 | ((code >> 6) & 0x3F));
            push(0x80 | (code & 0x3F));
        } else {
            push(0xF0 | (code >> 18));
            push(0x80 | ((code >> 12) & 0x3F));
            push(0x80 | ((code >> 6) & 0x3F));
            push(0x80 | (code & 0x3F));
        }
    }

    std::string_view text_;
    std::size_t at_{};
    std::string name_;
    std::optional<json_fault> fault_;
};

} // namespace session_detail

inline std::optional<json_fault> read_json_object(std::string_view text,
                                                  std::span<json_member> wanted) {
    return session_detail::json_reader{text}.whole(wanted);
}

} // namespace podscope
