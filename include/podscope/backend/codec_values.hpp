// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec_fields.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/backend/wire_writer.hpp>
#include <podscope/scope/resource.hpp>

#include <boost/hana/accessors.hpp>
#include <boost/hana/concept/struct.hpp>
#include <boost/hana/first.hpp>
#include <boost/hana/second.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/unpack.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// The part of the codec that knows types: one `value_codec` for each sort of value, and the table
/// of fields of a record, made by Hana's reflection. A value is written with its length in front,
/// and read without.
namespace podscope::backend_detail {

template <class T>
concept is_record = boost::hana::Struct<T>::value;

template <class T>
struct value_codec {
    static_assert(!std::is_same_v<T, T>,
                  "podscope: the codec cannot store a member of this type; it stores bool, "
                  "integers, enumerations, std::string, resource, std::optional and std::vector of "
                  "those, and structs with stored_fields or adapted by BOOST_HANA_ADAPT_STRUCT");
};

template <>
struct value_codec<bool> {
    static constexpr auto kind = wire_kind::boolean;
    static constexpr std::size_t depth = 0;

    static void write(wire_writer& out, bool value) {
        out.push_back('\1');
        out.push_back(value ? '\1' : '\0');
    }

    [[nodiscard]] static bool read(std::string_view in, bool& value, decoding& state) noexcept {
        if (in.size() != 1 || (in.front() != '\0' && in.front() != '\1')) {
            return state.fails("is neither true nor false");
        }
        value = in.front() == '\1';
        return true;
    }
};

template <std::integral T>
struct value_codec<T> {
    static constexpr auto kind =
        std::is_signed_v<T> ? wire_kind::signed_integer : wire_kind::unsigned_integer;
    static constexpr std::size_t depth = 0;

    static void write(wire_writer& out, T value) { out.append_number(to_wire(value)); }

    [[nodiscard]] static bool read(std::string_view in, T& value, decoding& state) noexcept {
        if (in.size() > 8 || (!in.empty() && in.back() == '\0')) {
            return state.fails("is not an integer");
        }
        const auto wire = load_fixed(in.data(), in.size());
        value = from_wire(wire);
        return to_wire(value) == wire || state.fails("does not fit the type of the field");
    }

private:
    static constexpr std::uint64_t to_wire(T value) noexcept {
        if constexpr (std::is_signed_v<T>) {
            const auto wide = static_cast<std::int64_t>(value);
            return (static_cast<std::uint64_t>(wide) << 1) ^ static_cast<std::uint64_t>(wide >> 63);
        } else {
            return value;
        }
    }

    static constexpr T from_wire(std::uint64_t wire) noexcept {
        if constexpr (std::is_signed_v<T>) {
            return static_cast<T>((wire >> 1) ^ (0 - (wire & 1)));
        } else {
            return static_cast<T>(wire);
        }
    }
};

template <class T>
    requires(std::is_enum_v<T> && !std::is_convertible_v<T, std::underlying_type_t<T>>)
struct value_codec<T> {
    using number = std::underlying_type_t<T>;

    static constexpr auto kind = value_codec<number>::kind;
    static constexpr std::size_t depth = 0;

    static void write(wire_writer& out, T value) {
        value_codec<number>::write(out, static_cast<number>(value));
    }

    [[nodiscard]] static bool read(std::string_view in, T& value, decoding& state) noexcept {
        number raw{};
        if (!value_codec<number>::read(in, raw, state)) {
            return false;
        }
        value = static_cast<T>(raw);
        // An enumeration that can be named has no other values; one that cannot is a number.
        if constexpr (requires { std::string_view{to_string(value)}; }) {
            if (std::string_view{to_string(value)} == "unknown") {
                return state.fails("has a value that this version does not know");
            }
        }
        return true;
    }
};

template <>
struct value_codec<std::string> {
    static constexpr auto kind = wire_kind::bytes;
    static constexpr std::size_t depth = 0;

    static void write(wire_writer& out, const std::string& value) { put_text(out, value); }

    [[nodiscard]] static bool read(std::string_view in, std::string& value, decoding&) {
        value = in;
        return true;
    }
};

template <>
struct value_codec<resource> {
    static constexpr auto kind = wire_kind::target;
    static constexpr std::size_t depth = 0;

    static void write(wire_writer& out, const resource& value) { put_text(out, value.key()); }

    [[nodiscard]] static bool read(std::string_view in, resource& value, decoding& state) {
        auto made = resource::from_key(std::string{in});
        if (!made) {
            return state.fails("is not a list of components");
        }
        value = *std::move(made);
        return true;
    }
};

template <class T>
struct value_codec<std::vector<T>> {
    static constexpr auto kind = wire_kind::list;
    static constexpr std::size_t depth = 1 + value_codec<T>::depth;

    static void write(wire_writer& out, const std::vector<T>& values) {
        const auto opened = out.open_text();
        out.push_back(static_cast<char>(value_codec<T>::kind));
        for (const T& value : values) {
            value_codec<T>::write(out, value);
        }
        out.close_text(opened);
    }

    [[nodiscard]] static bool read(std::string_view in, std::vector<T>& values, decoding& state) {
        std::uint8_t element{};
        if (!take_byte(in, element) || element != static_cast<std::uint8_t>(value_codec<T>::kind)) {
            return state.fails("is a list of another type");
        }
        values.clear();
        while (!in.empty()) {
            std::string_view bytes;
            if (!take_text(in, bytes)) {
                return state.fails("does not end where its last element does");
            }
            if (!value_codec<T>::read(bytes, values.emplace_back(), state)) {
                return state.fails_within("[" + std::to_string(values.size() - 1) + "]");
            }
        }
        return true;
    }
};

// How a member stands in its record: always, or left out when it is empty.
template <class T>
struct member_codec : value_codec<T> {};

template <class T>
struct member_codec<std::vector<T>> : value_codec<std::vector<T>> {
    [[nodiscard]] static bool is_absent(const std::vector<T>& value) noexcept {
        return value.empty();
    }
};

template <class T>
struct member_codec<std::optional<T>> {
    static constexpr auto kind = value_codec<T>::kind;
    static constexpr std::size_t depth = value_codec<T>::depth;

    [[nodiscard]] static bool is_absent(const std::optional<T>& value) noexcept { return !value; }

    static void write(wire_writer& out, const std::optional<T>& value) {
        value_codec<T>::write(out, *value);
    }

    [[nodiscard]] static bool read(std::string_view in, std::optional<T>& value, decoding& state) {
        return value_codec<T>::read(in, value.emplace(), state);
    }
};

template <class Record, class Accessor>
using member_type = std::remove_cvref_t<std::invoke_result_t<Accessor, Record&>>;

// Put together once, and not byte by byte in each record.
template <class Name, wire_kind Kind>
struct field_head {
    static constexpr std::string_view name = Name::c_str();
    static_assert(name.size() < 0x80, "podscope: a field's name must be shorter than 128 bytes");

    static constexpr std::size_t size = 1 + name.size() + 1;
    static constexpr auto bytes = [] {
        std::array<char, std::max(size, wire_writer::padding)> head{};
        head[0] = static_cast<char>(name.size());
        std::ranges::copy(name, head.begin() + 1);
        head[size - 1] = static_cast<char>(Kind);
        return head;
    }();
};

template <class Record, class Accessor>
[[nodiscard]] constexpr auto find_is_absent() noexcept -> bool (*)(const void* record) {
    using codec = member_codec<member_type<Record, Accessor>>;
    if constexpr (requires { &codec::is_absent; }) {
        return [](const void* record) {
            return codec::is_absent(Accessor{}(*static_cast<const Record*>(record)));
        };
    } else {
        return nullptr;
    }
}

template <class Record, class Name, class Accessor>
[[nodiscard]] constexpr field_codec make_field() noexcept {
    using codec = member_codec<member_type<Record, Accessor>>;
    return {
        .name = Name::c_str(),
        .head = {field_head<Name, codec::kind>::bytes.data(), field_head<Name, codec::kind>::size},
        .kind = codec::kind,
        .depth = codec::depth,
        .is_absent = find_is_absent<Record, Accessor>(),
        .write =
            [](wire_writer& out, const void* record) {
                codec::write(out, Accessor{}(*static_cast<const Record*>(record)));
            },
        .read =
            [](std::string_view in, void* record, decoding& state) {
                return codec::read(in, Accessor{}(*static_cast<Record*>(record)), state);
            },
    };
}

template <std::size_t Count>
struct record_table {
    std::array<field_codec, Count> fields{};
    std::size_t next = 0;
    const unknown_fields* (*kept)(const void*) = nullptr;
    unknown_fields* (*keep_in)(void*) = nullptr;
};

// Makes the table of a record from its accessors: pairs of a Hana string and a function from the
// record to the member.
template <class Record>
struct make_table {
    template <class... Members>
    constexpr auto operator()(Members...) const {
        constexpr auto fields = (std::size_t{0} + ... + (is_field<Members> ? 1U : 0U));
        static_assert(fields <= 64, "podscope: the codec stores structs of up to 64 fields");
        static_assert(sizeof...(Members) - fields <= 1,
                      "podscope: a struct has at most one member of type unknown_fields");
        record_table<fields> table;
        (add<Members>(table), ...);
        return table;
    }

private:
    template <class Member>
    using name = std::remove_cvref_t<decltype(boost::hana::first(std::declval<Member>()))>;

    template <class Member>
    using accessor = std::remove_cvref_t<decltype(boost::hana::second(std::declval<Member>()))>;

    template <class Member>
    static constexpr bool is_field =
        !std::is_same_v<member_type<Record, accessor<Member>>, unknown_fields>;

    template <class Member>
    static constexpr void add(auto& table) {
        if constexpr (is_field<Member>) {
            table.fields[table.next++] = make_field<Record, name<Member>, accessor<Member>>();
        } else {
            table.kept = [](const void* record) {
                return &accessor<Member>{}(*static_cast<const Record*>(record));
            };
            table.keep_in = [](void* record) {
                return &accessor<Member>{}(*static_cast<Record*>(record));
            };
        }
    }
};

template <class Record>
inline constexpr auto record_table_of =
    boost::hana::unpack(boost::hana::accessors<Record>(), make_table<Record>{});

template <class Record>
inline constexpr record_codec record_codec_of{
    .fields = record_table_of<Record>.fields,
    .kept = record_table_of<Record>.kept,
    .keep_in = record_table_of<Record>.keep_in,
};

template <is_record Record>
struct value_codec<Record> {
    static constexpr auto kind = wire_kind::structure;
    // A struct that holds itself would need its own depth here: it does not compile, so that a
    // hostile record cannot drive the recursion.
    static constexpr std::size_t depth = 1 + record_codec_of<Record>.depth();

    static void write(wire_writer& out, const Record& record) {
        const auto opened = out.open_text();
        write_fields(record_codec_of<Record>, out, &record);
        out.close_text(opened);
    }

    [[nodiscard]] static bool read(std::string_view in, Record& record, decoding& state) {
        return read_fields(record_codec_of<Record>, in, &record, state);
    }
};

} // namespace podscope::backend_detail
