// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec_fields.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/shown_text.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace podscope {

namespace backend_detail {

/// Bytes as a person reads them, between quotes.
inline void append_quoted(std::string& out, std::string_view bytes) {
    out += '"';
    append_shown(out, bytes, "\"\\");
    out += '"';
}

/// Writes one value of the codec's format as text. False for bytes that are none.
class record_printer {
public:
    explicit record_printer(std::string& out) noexcept : out_{&out} {}

    [[nodiscard]] bool structure(std::string_view bytes, int depth = 0) {
        std::uint64_t count{};
        if (depth > deepest || !take_varint(bytes, count)) {
            return false;
        }
        out_->push_back('{');
        for (std::uint64_t i = 0; i < count; ++i) {
            std::string_view name;
            std::uint8_t kind{};
            std::string_view value_bytes;
            if (!take_text(bytes, name) || !take_byte(bytes, kind) ||
                !take_text(bytes, value_bytes)) {
                return false;
            }
            out_->append(i == 0 ? "" : ", ").append(name).append(": ");
            if (!value(kind, value_bytes, depth + 1)) {
                return false;
            }
        }
        out_->push_back('}');
        return bytes.empty();
    }

private:
    static constexpr int deepest = 32;

    [[nodiscard]] bool value(std::uint8_t kind, std::string_view bytes, int depth) {
        switch (kind) {
        case 1: out_->append(bytes == std::string_view{"\0", 1} ? "false" : "true"); return true;
        case 2: out_->append(std::to_string(number(bytes))); return bytes.size() <= 8;
        case 3: {
            const std::uint64_t folded = number(bytes);
            const auto half = static_cast<std::int64_t>(folded >> 1U);
            out_->append(std::to_string((folded & 1U) != 0 ? -half - 1 : half));
            return bytes.size() <= 8;
        }
        case 4: append_quoted(*out_, bytes); return true;
        case 5: target(bytes); return true;
        case 6: return list(bytes, depth);
        case 7: return structure(bytes, depth);
        default: return false;
        }
    }

    [[nodiscard]] bool list(std::string_view bytes, int depth) {
        std::uint8_t kind{};
        if (depth > deepest || !take_byte(bytes, kind)) {
            return false;
        }
        out_->push_back('[');
        for (bool is_first = true; !bytes.empty(); is_first = false) {
            std::string_view element;
            out_->append(is_first ? "" : ", ");
            if (!take_text(bytes, element) || !value(kind, element, depth + 1)) {
                return false;
            }
        }
        out_->push_back(']');
        return true;
    }

    void target(std::string_view key) {
        std::string text{key.empty() ? "/" : ""};
        while (!key.empty()) {
            const auto length = std::min(key.find(resource::terminator), key.size());
            text.append("/").append(key.substr(0, length));
            key.remove_prefix(std::min(length + 1, key.size()));
        }
        append_quoted(*out_, text);
    }

    [[nodiscard]] static std::uint64_t number(std::string_view bytes) noexcept {
        return load_fixed(bytes.data(), std::min<std::size_t>(bytes.size(), 8));
    }

    std::string* out_;
};

} // namespace backend_detail

/// A stored record as a person reads it, `{name: value, …}`, whatever its type is. What is no
/// record is shown as its bytes. Linear in the size of the record.
[[nodiscard]] inline std::string record_to_text(std::string_view bytes) {
    std::string text;
    if (bytes.empty() || bytes.front() != 1 ||
        !backend_detail::record_printer{text}.structure(bytes.substr(1))) {
        text = "unreadable ";
        backend_detail::append_quoted(text, bytes);
    }
    return text;
}

} // namespace podscope
