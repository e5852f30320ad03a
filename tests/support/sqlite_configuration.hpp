// SPDX-License-Identifier: BSL-1.0
// A runtime over an SQLite database, and a few combinations of it with the other parts.
#pragma once

#include "support/configurations.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/sqlite.hpp>
#include <podscope/session/file.hpp>

#include <tuple>

namespace podscope_test {

/// Nobody who is forked while a store is open may open it too.
struct in_sqlite {
    static constexpr const char* name = "sqlite";
    using store = podscope::sqlite_store<podscope::durability::process>;
    using sessions = podscope::file_sessions;

    [[nodiscard]] store open() const {
        return must(podscope::open_sqlite_store<podscope::durability::process>(folder / "store"));
    }

    [[nodiscard]] sessions open_sessions() const {
        return must(sessions::open(folder / "sessions"));
    }

    temporary_folder folder{};
};

namespace configurations {

/// Each kind of probe and of sink that makes a difference to a store.
using some_on_sqlite = std::tuple<configuration<in_sqlite, by_script, to_tee>,
                                  configuration<in_sqlite, by_default, to_callback>>;

} // namespace configurations
} // namespace podscope_test
