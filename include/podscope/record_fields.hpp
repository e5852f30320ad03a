// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/hana/accessors.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace podscope {

namespace backend_detail {

template <class Member>
struct record_of;

template <class Record, class Value>
struct record_of<Value Record::*> {
    using type = Record;
};

} // namespace backend_detail

/// A text that may be an argument of a template.
template <std::size_t Size>
struct field_name {
    char text[Size]{};

    consteval field_name(const char (&given)[Size]) {
        for (std::size_t i = 0; i != Size; ++i) {
            text[i] = given[i];
        }
    }
};

/// A member of a record, and the name under which it is stored: `field<"granted",
/// &claim::granted>`.
template <field_name Name, auto Member>
struct field {
    using record = typename backend_detail::record_of<decltype(Member)>::type;

    /// Hana's pair of the name and a function from the record to the member.
    [[nodiscard]] static constexpr auto accessor() {
        return [&]<std::size_t... At>(std::index_sequence<At...>) {
            return boost::hana::make_pair(boost::hana::string_c<Name.text[At]...>, access{});
        }(std::make_index_sequence<sizeof(Name.text) - 1>{});
    }

private:
    struct access {
        template <class Record>
        constexpr decltype(auto) operator()(Record&& record) const noexcept {
            return (std::forward<Record>(record).*Member);
        }
    };
};

/// The fields of a record, in the order in which they are written:
///
///     struct claim {
///         epoch granted{};
///         unknown_fields unknown{};
///         using stored_fields = record_fields<field<"granted", &claim::granted>,
///                                             field<"unknown", &claim::unknown>>;
///     };
///
/// Such a struct is a Hana Struct as one that BOOST_HANA_ADAPT_STRUCT adapts. That macro makes the
/// names and accessors where it stands, in every file that includes the record; these are made
/// where a codec asks for them.
template <class First, class... Others>
struct record_fields {
    using record = typename First::record;

    /// As Hana's `accessors` has it.
    [[nodiscard]] static constexpr auto apply() {
        return boost::hana::make_tuple(First::accessor(), Others::accessor()...);
    }
};

/// A struct that names its stored fields itself; one that inherits the names of another's does not.
template <class Record>
concept names_its_fields =
    requires { requires std::is_same_v<typename Record::stored_fields::record, Record>; };

} // namespace podscope

template <podscope::names_its_fields Record>
struct boost::hana::accessors_impl<Record, boost::hana::when<podscope::names_its_fields<Record>>>
    : Record::stored_fields {};
