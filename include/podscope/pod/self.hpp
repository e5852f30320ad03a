// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/fork_stamp.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>

#include <concepts>
#include <optional>
#include <utility>

#include <unistd.h>

namespace podscope {

/// Says under which process identity a runtime holds its pods.
template <class S>
concept self_source = requires(const S& source) {
    { source.self() } -> std::same_as<result<process_identity>>;
};

/// The process that asks. Each thread reads /proc once, and once more in a forked copy of the
/// process: who a process is does not change, and to ask costs as much as a delegation.
struct calling_process {
    [[nodiscard]] result<process_identity> self() const {
        struct answer {
            fork_stamp given{};
            process_identity identity{};
        };

        static thread_local std::optional<answer> last;
        // The pid too, since a process that was made by a bare clone has the stamp of its parent.
        if (!last || !last->given.is_current() || last->identity.pid != ::getpid()) {
            last.reset();
            auto found = this_process();
            if (!found) {
                return found;
            }
            last = answer{.identity = *std::move(found)};
        }
        return last->identity;
    }
};

/// One that was given: for a supervisor that holds pods in the name of another process, and for
/// tests.
struct given_process {
    process_identity identity{};

    [[nodiscard]] result<process_identity> self() const { return identity; }
};

} // namespace podscope
