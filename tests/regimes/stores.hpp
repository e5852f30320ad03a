// SPDX-License-Identifier: BSL-1.0
// The stores that a regime is run over, each in a folder of its own that several processes open. Of
// process durability unless it asks for another: only a loss of power would tell the difference.
// Each says what its share of the short mode is.
#pragma once

#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_options.hpp>
#if __has_include(<sqlite3.h>) && __has_include(<podscope/backend/sqlite.hpp>)
#include <podscope/backend/sqlite.hpp>
#define PODSCOPE_REGIMES_ON_SQLITE
#endif

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace regimes {

struct journal_file {
    static constexpr const char* name = "journal";
    static constexpr std::uint64_t few_histories = 60;
    static constexpr std::uint64_t few_seconds = 18;

    template <class Schema, podscope::durability Durable = podscope::durability::process>
    using store = podscope::basic_journal<Schema, Durable>;

    // Compacted so often that processes die in the middle of it.
    template <class Schema, podscope::durability Durable = podscope::durability::process>
    [[nodiscard]] static store<Schema, Durable> open(const std::string& folder) {
        return podscope_test::must(store<Schema, Durable>::open(
            folder, {.compact_above = 65'536, .compact_factor = 2, .compact_piece = 16'384}));
    }
};

#ifdef PODSCOPE_REGIMES_ON_SQLITE
struct sqlite_file {
    static constexpr const char* name = "sqlite";
    static constexpr std::uint64_t few_histories = 60;
    static constexpr std::uint64_t few_seconds = 18;

    template <class, podscope::durability Durable = podscope::durability::process>
    using store = podscope::sqlite_store<Durable>;

    template <class Schema, podscope::durability Durable = podscope::durability::process>
    [[nodiscard]] static store<Schema, Durable> open(const std::string& folder) {
        return podscope_test::must(podscope::open_sqlite_store<Durable>(folder));
    }
};
#endif

/// A store that is a server, which runs while an object of this type is there: it can be struck,
/// and what a process has there may go when that is dead.
template <class Store>
concept served_store = requires {
    { Store::is_there() } -> std::same_as<bool>;
    Store::strike();
    Store::recover();
    Store::longest_stop;
};

/// Opens one where what a process has does not outlive it for long, if the store knows such a
/// thing.
template <class Store, class Schema>
[[nodiscard]] auto open_for_life(const std::string& folder) {
    if constexpr (served_store<Store>) {
        return Store::template open_for_life<Schema>(folder);
    } else {
        return Store::template open<Schema>(folder);
    }
}

/// Calls `run.template operator()<Store>()` for each store that is to be had here, `More` after the
/// files, or the one that is named. Whether all of them gave true, and there was one.
///
/// A process must not fork while it has one of them open that is to be opened in the forked one.
template <served_store... More, class F>
bool over_stores(std::string_view name, F&& run) {
    bool some = false;
    bool all = true;
    const auto run_on = [&]<class Store>() {
        if (!name.empty() && name != Store::name) {
            return;
        }
        [[maybe_unused]] std::optional<Store> served;
        if constexpr (served_store<Store>) {
            if (!Store::is_there()) {
                return;
            }
            served.emplace();
        }
        some = true;
        all = run.template operator()<Store>() && all;
    };
    run_on.template operator()<journal_file>();
#ifdef PODSCOPE_REGIMES_ON_SQLITE
    run_on.template operator()<sqlite_file>();
#endif
    (run_on.template operator()<More>(), ...);
    return some && all;
}

} // namespace regimes
