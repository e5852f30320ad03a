// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/unknown_fields.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/backend/wire_writer.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// The part of the codec that is compiled once: a record as a table of its fields, and how to
/// write and read the fields of any record by such a table.
namespace podscope::backend_detail {

enum class wire_kind : std::uint8_t {
    boolean = 1,
    unsigned_integer = 2,
    signed_integer = 3,
    bytes = 4,
    target = 5,
    list = 6,
    structure = 7,
};

/// What went wrong, and in which field: the path is put together from the inside out.
struct decoding {
    const char* fault = nullptr;
    std::string where{};

    bool fails(const char* what) noexcept {
        fault = what;
        return false;
    }

    bool fails_within(std::string_view outer) {
        if (!where.empty() && where.front() != '[') {
            where.insert(0, 1, '.');
        }
        where.insert(0, outer);
        return false;
    }

    [[nodiscard]] error into_error() && {
        std::string message =
            where.empty() ? "a stored record " : "the field '" + where + "' of a stored record ";
        message += fault;
        return {
            .category = errc::corrupt, .message = std::move(message), .subject = std::move(where)};
    }
};

/// One field of a type of record, whose member it finds in the record by itself.
struct field_codec {
    std::string_view name;
    std::string_view head; ///< what stands before its value, name and kind; padded
    wire_kind kind;
    std::size_t depth; ///< of structures and lists within each other in its value
    bool (*is_absent)(const void* record);               ///< null if it always has a value
    void (*write)(wire_writer& out, const void* record); ///< with its length in front
    bool (*read)(std::string_view value, void* record, decoding& state);

    [[nodiscard]] bool is_left_out(const void* record) const {
        return is_absent != nullptr && is_absent(record);
    }
};

struct record_codec {
    std::span<const field_codec> fields;
    // Both null for a type without a member for them.
    const unknown_fields* (*kept)(const void* record);
    unknown_fields* (*keep_in)(void* record);

    [[nodiscard]] constexpr std::size_t depth() const noexcept {
        std::size_t deepest = 0;
        for (const auto& field : fields) {
            deepest = std::max(deepest, field.depth);
        }
        return deepest;
    }

    /// The index of the field, `fields.size()` if there is none. `likely` is tried first: fields
    /// mostly come in the order in which they are declared.
    [[nodiscard]] std::size_t find(std::string_view name, std::size_t likely = 0) const noexcept {
        if (likely < fields.size() && fields[likely].name == name) {
            return likely;
        }
        std::size_t at = 0;
        while (at != fields.size() && fields[at].name != name) {
            ++at;
        }
        return at;
    }
};

// Whether an unknown field can be written: a second field of a known name would be damage, and so
// would one without name or kind.
[[nodiscard]] inline bool is_writable(const record_codec& codec,
                                      const std::pair<std::string, std::string>& unknown) noexcept {
    const auto& [name, bytes] = unknown;
    return !name.empty() && !bytes.empty() && codec.find(name) == codec.fields.size();
}

inline void write_fields(const record_codec& codec, wire_writer& out, const void* record) {
    const auto* unknown = codec.kept != nullptr ? codec.kept(record) : nullptr;
    std::uint64_t count = 0;
    for (const auto& field : codec.fields) {
        count += field.is_left_out(record) ? 0U : 1U;
    }
    if (unknown != nullptr) {
        for (const auto& field : unknown->fields) {
            count += is_writable(codec, field) ? 1U : 0U;
        }
    }
    put_varint(out, count);
    for (const auto& field : codec.fields) {
        if (!field.is_left_out(record)) {
            out.append_padded(field.head);
            field.write(out, record);
        }
    }
    if (unknown != nullptr) {
        for (const auto& field : unknown->fields) {
            if (is_writable(codec, field)) {
                put_text(out, field.first);
                out.push_back(field.second.front());
                put_text(out, std::string_view{field.second}.substr(1));
            }
        }
    }
}

[[nodiscard]] inline bool
read_fields(const record_codec& codec, std::string_view in, void* record, decoding& state) {
    std::uint64_t count{};
    if (!take_varint(in, count)) {
        return state.fails("does not say how many fields it has");
    }
    std::uint64_t seen = 0;
    std::size_t next = 0;
    for (; count != 0; --count) {
        std::string_view name;
        std::uint8_t kind{};
        std::string_view value;
        if (!take_text(in, name) || name.empty() || !take_byte(in, kind) || !take_text(in, value)) {
            return state.fails("ends before its last field does");
        }
        const auto index = codec.find(name, next);
        if (index == codec.fields.size()) {
            if (codec.keep_in != nullptr) {
                auto& bytes = codec.keep_in(record)->fields.emplace_back(name, "").second;
                bytes.reserve(1 + value.size());
                bytes.push_back(static_cast<char>(kind));
                bytes.append(value);
            }
            continue;
        }
        const auto& field = codec.fields[index];
        const auto bit = std::uint64_t{1} << index;
        if ((seen & bit) != 0) {
            return state.fails("is there twice") || state.fails_within(name);
        }
        if (kind != static_cast<std::uint8_t>(field.kind)) {
            return state.fails("is of another type") || state.fails_within(name);
        }
        if (!field.read(value, record, state)) {
            return state.fails_within(name);
        }
        seen |= bit;
        next = index + 1;
    }
    if (!in.empty()) {
        return state.fails("goes on after its last field");
    }
    for (std::size_t i = 0; i < codec.fields.size(); ++i) {
        if ((seen >> i & 1U) == 0 && codec.fields[i].is_absent == nullptr) {
            return state.fails("is missing") || state.fails_within(codec.fields[i].name);
        }
    }
    return true;
}

} // namespace podscope::backend_detail
