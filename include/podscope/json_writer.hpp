// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace podscope {

/// Appends a text as a JSON string, quotes included.
///
/// What is valid UTF-8 reads back as it was. Every control character is escaped, those above ASCII
/// too, so that the result is one line and does nothing to the terminal of a person who looks at
/// it. A byte that is no part of valid UTF-8 is written as U+FFFD, so that the result is JSON
/// whatever the text is. Linear in the length.
inline void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    const auto escaped = [&](unsigned code) {
        out += "\\u00";
        out += hex[code >> 4];
        out += hex[code & 0xF];
    };
    const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    out += '"';
    while (!text.empty()) {
        const auto plain = static_cast<std::size_t>(
            std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            break;
        }
        const auto lead = static_cast<unsigned char>(text.front());
        const auto length = utf8_length(text);
        switch (lead) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (length == 0) {
                out += "\xEF\xBF\xBD";
            } else if (const auto control = control_length(text); control != 0) {
                escaped(static_cast<unsigned char>(text[control - 1]));
            } else {
                out += text.substr(0, length);
            }
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
}

/// Writes one JSON object to the end of a string, member by member in the order of the calls. The
/// string must outlive the writer; `close` ends the object, and is called once.
class json_object_writer {
public:
    explicit json_object_writer(std::string& out) : out_{out} { out_ += '{'; }

    json_object_writer(const json_object_writer&) = delete;
    json_object_writer& operator=(const json_object_writer&) = delete;

    json_object_writer& text(std::string_view name, std::string_view value) {
        start(name);
        append_json_string(out_, value);
        return *this;
    }

    json_object_writer& number(std::string_view name, std::uint64_t value) {
        return raw(name, std::to_string(value));
    }

    /// Takes a value that is JSON already.
    json_object_writer& raw(std::string_view name, std::string_view json) {
        start(name);
        out_ += json;
        return *this;
    }

    void close() { out_ += '}'; }

private:
    void start(std::string_view name) {
        if (!first_) {
            out_ += ',';
        }
        first_ = false;
        append_json_string(out_, name);
        out_ += ':';
    }

    std::string& out_;
    bool first_{true};
};

} // namespace podscope
