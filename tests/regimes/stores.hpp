// SPDX-License-Identifier: BSL-1.0
// The stores that a regime is run over, each in a folder of its own that several processes open. Of
// process durability unless it asks for another: only a loss of power would tell the difference.
#pragma once

#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_options.hpp>
#if __has_include(<sqlite3.h>) && __has_include(<podscope/backend/sqlite.hpp>)
#include <podscope/backend/sqlite.hpp>
#define PODSCOPE_REGIMES_ON_SQLITE
#endif

#include <string>
#include <string_view>

namespace regimes {

struct journal_file {
    static constexpr const char* name = "journal";

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

    template <class, podscope::durability Durable = podscope::durability::process>
    using store = podscope::sqlite_store<Durable>;

    template <class Schema, podscope::durability Durable = podscope::durability::process>
    [[nodiscard]] static store<Schema, Durable> open(const std::string& folder) {
        return podscope_test::must(podscope::open_sqlite_store<Durable>(folder));
    }
};
#endif

/// Calls `run.template operator()<Store>()` for each store that is to be had here, or the one that
/// is named. Whether all of them gave true, and there was one.
///
/// A process must not fork while it has one of them open that is to be opened in the forked one.
template <class F>
bool over_stores(std::string_view name, F&& run) {
    bool some = false;
    bool all = true;
    const auto run_on = [&]<class Store>() {
        if (name.empty() || name == Store::name) {
            some = true;
            all = run.template operator()<Store>() && all;
        }
    };
    run_on.template operator()<journal_file>();
#ifdef PODSCOPE_REGIMES_ON_SQLITE
    run_on.template operator()<sqlite_file>();
#endif
    return some && all;
}

} // namespace regimes
