// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace podscope {

/// What the first part of a split store says of the second: which change of it counts.
struct split_decision {
    std::uint64_t pair{};      ///< a number that the two parts have in common, 0 before they met
    bool meeting{};            ///< the second part is still to be told that number
    std::uint64_t committed{}; ///< the number of the last change that counts
    std::uint64_t fences{};    ///< moves when an unfinished change is called off
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"pair", &split_decision::pair>,
                                        field<"meeting", &split_decision::meeting>,
                                        field<"committed", &split_decision::committed>,
                                        field<"fences", &split_decision::fences>,
                                        field<"unknown", &split_decision::unknown>>;

    friend bool operator==(const split_decision&, const split_decision&) = default;
};

/// What the second part of a split store says of itself.
struct split_state {
    std::uint64_t pair{};
    std::uint64_t change{}; ///< the number of the change that made it what it is
    std::uint64_t made{};   ///< the last number that was given to a change or passed over
    std::vector<std::uint64_t> kept{}; ///< the changes that could still be taken back, in order
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"pair", &split_state::pair>,
                                        field<"change", &split_state::change>,
                                        field<"made", &split_state::made>,
                                        field<"kept", &split_state::kept>,
                                        field<"unknown", &split_state::unknown>>;

    friend bool operator==(const split_state&, const split_state&) = default;
};

/// A row as it was before a change; without a record if it was not there.
struct replaced_row {
    std::string table{};
    std::string key{};
    std::optional<std::string> record{}; ///< in the codec's format

    using stored_fields = record_fields<field<"table", &replaced_row::table>,
                                        field<"key", &replaced_row::key>,
                                        field<"record", &replaced_row::record>>;

    friend bool operator==(const replaced_row&, const replaced_row&) = default;
};

/// What takes a change back.
struct split_intent {
    std::uint64_t previous{}; ///< the change that it was made on
    std::vector<replaced_row> replaced{};
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"previous", &split_intent::previous>,
                                        field<"replaced", &split_intent::replaced>,
                                        field<"unknown", &split_intent::unknown>>;

    friend bool operator==(const split_intent&, const split_intent&) = default;
};

/// The tables that a split store adds to its two parts: `split_decisions` to the first,
/// `split_states` and `split_intents` to the second.
namespace tables {

struct split_decisions {
    static constexpr const char* name = "split_decisions";
    using record = split_decision;
};

struct split_states {
    static constexpr const char* name = "split_states";
    using record = split_state;
};

struct split_intents {
    static constexpr const char* name = "split_intents";
    using record = split_intent;
};

} // namespace tables

namespace backend_detail {

template <class Table, class Schema>
inline constexpr bool is_in_schema = false;

template <class Table, class... Tables>
inline constexpr bool is_in_schema<Table, schema<Tables...>> =
    (... || std::is_same_v<Table, Tables>);

template <class Schema, class... More>
struct schema_with;

template <class... Tables, class... More>
struct schema_with<schema<Tables...>, More...> {
    using type = schema<Tables..., More...>;
};

/// The only row of such a table. One that was never put is as good as one of zeros.
inline constexpr std::string_view only_key = "";

template <table T, class Txn>
[[nodiscard]] result<typename T::record> only_row(Txn& txn) {
    auto row = txn.template get<T>(only_key);
    if (!row) {
        return fail(row);
    }
    return *row ? typename T::record{**row} : typename T::record{};
}

/// The key of a change's intent.
[[nodiscard]] inline std::string intent_key(std::uint64_t change) {
    std::string key;
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>((change >> shift) & 0xFF));
    }
    return key;
}

} // namespace backend_detail

/// What the first part of a split store holds: its own tables, and one of the split store's.
template <class Schema>
using split_first_schema =
    typename backend_detail::schema_with<Schema, tables::split_decisions>::type;

/// What the second part of a split store holds: its own tables, and two of the split store's.
template <class Schema>
using split_second_schema =
    typename backend_detail::schema_with<Schema, tables::split_states, tables::split_intents>::type;

} // namespace podscope
