// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec_fields.hpp>
#include <podscope/backend/codec_values.hpp>
#include <podscope/backend/wire_writer.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace podscope {

/// The version of the codec's format, the first byte of every encoded record.
inline constexpr std::uint8_t codec_version = 1;

/// A type that the codec stores: a struct that names its fields (record_fields.hpp) or is adapted
/// by BOOST_HANA_ADAPT_STRUCT, whose members are bool, integers, enumerations, std::string,
/// resource, std::optional, std::vector or again such structs. A type that is not is told so by the
/// first line of the error.
template <class T>
concept storable = backend_detail::is_record<T>;

namespace backend_detail {

template <storable Record>
void write_record(wire_writer& out, const Record& record) {
    out.push_back(static_cast<char>(codec_version));
    write_fields(record_codec_of<Record>, out, &record);
}

} // namespace backend_detail

/// Appends a record in the codec's format.
///
/// Fields come in the order of their adaptation, and equal records have equal bytes. With `text`
/// for a byte string that has its length in front, as a varint (wire.hpp):
///
///     record    = version structure
///     structure = count:varint field*
///     field     = name:text kind:byte value:text
///
/// | kind      |   | value                                                |
/// | --------- | - | ---------------------------------------------------- |
/// | boolean   | 1 | one byte, 0 or 1                                     |
/// | unsigned  | 2 | up to 8 bytes, little endian, no zeros at the end    |
/// | signed    | 3 | the same, of `(v << 1) ^ (v >> 63)`                  |
/// | bytes     | 4 | as they are                                          |
/// | target    | 5 | the key of a resource                                |
/// | list      | 6 | kind:byte of its elements, then each as value:text   |
/// | structure | 7 | structure                                            |
///
/// An enumeration is stored as its number: a published enumerator keeps its number for ever. A
/// field that is an empty optional or an empty vector is left out; so a reader takes such a field
/// as empty if it is absent, and any other absent field as damage.
///
/// A field that the reader does not know is kept in the record's member of type `unknown_fields`,
/// name as name, kind and value as its bytes, and is written back after the fields that it does
/// know. A structure without such a member drops it: a structure may gain a field only if it has
/// one, or if losing the field is harmless.
///
/// May throw std::bad_alloc. Linear in the size of the record.
template <storable Record>
void append_record(std::string& out, const Record& record) {
    backend_detail::wire_writer writer{out};
    backend_detail::write_record(writer, record);
}

/// The record in the codec's format; see `append_record`.
template <storable Record>
[[nodiscard]] std::string encode_record(const Record& record) {
    std::string out;
    append_record(out, record);
    return out;
}

/// Reads what `append_record` wrote, and nothing else: bytes that are not so are `corrupt`, with
/// the field in `error::subject` ("owner.pid", "allow[3].target"), and a later format is
/// `unsupported_version`.
///
/// Never reads past the bytes, never allocates more than a constant times their number, and
/// recurses no deeper than the record's type. May throw std::bad_alloc.
template <storable Record>
[[nodiscard]] result<Record> decode_record(std::string_view bytes) {
    backend_detail::decoding state;
    Record record{};
    if (bytes.empty()) {
        state.fails("is empty");
    } else if (const auto version = static_cast<std::uint8_t>(bytes.front());
               version > codec_version) {
        return fail({.category = errc::unsupported_version,
                     .message = "a stored record was written in format " + std::to_string(version) +
                                ", this library reads up to " + std::to_string(codec_version) +
                                ": use the newer library"});
    } else if (version != codec_version) {
        state.fails("is of no known format");
    } else if (backend_detail::read_fields(backend_detail::record_codec_of<Record>, bytes.substr(1),
                                           &record, state)) {
        return record;
    }
    return fail(std::move(state).into_error());
}

} // namespace podscope
