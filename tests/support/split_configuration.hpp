// SPDX-License-Identifier: BSL-1.0
// Backends of a runtime whose registry and pod store live apart, as configurations.hpp has them.
#pragma once

#include "backend/map_backend.hpp"
#include "support/configurations.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/split_store.hpp>
#include <podscope/session/file.hpp>
#include <podscope/session/memory.hpp>

#include <tuple>

namespace podscope_test {

/// Each in a journal of its own.
struct in_two {
    static constexpr const char* name = "two journals";
    using registry =
        podscope::basic_journal<podscope::registry_part, podscope::durability::process>;
    using pod_store =
        podscope::basic_journal<podscope::pod_store_part, podscope::durability::process>;
    using store = podscope::split_store<registry, pod_store>;
    using sessions = podscope::file_sessions;

    [[nodiscard]] store open() const {
        return store{must(registry::open(folder / "registry", small)),
                     must(pod_store::open(folder / "pods", small))};
    }

    [[nodiscard]] sessions open_sessions() const {
        return must(sessions::open(folder / "sessions"));
    }

    static constexpr podscope::journal_options small{.compact_above = 16'384, .compact_factor = 2};

    temporary_folder folder{};
};

/// A registry in memory, and a pod store of another kind, which runs bodies twice.
struct in_two_kinds {
    static constexpr const char* name = "memory and bytes";
    using registry = podscope::basic_memory<podscope::registry_part>;
    using pod_store = podscope::lifted<backend_test::map_backend>;
    using store = podscope::split_store<registry, pod_store>;
    using sessions = podscope::memory_sessions;

    [[nodiscard]] store open() const { return store{live, pod_store{records}}; }

    [[nodiscard]] sessions open_sessions() const { return logs; }

    registry live{};
    backend_test::map_backend records{};
    sessions logs{};
};

namespace configurations {

/// A few that differ in all that a scenario may depend on.
using some_apart = std::tuple<configuration<in_two, by_script, to_queue>,
                              configuration<in_two, by_default, to_callback>,
                              configuration<in_two_kinds, by_script, to_tee>>;

} // namespace configurations
} // namespace podscope_test
