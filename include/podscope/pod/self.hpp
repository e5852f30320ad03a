// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/this_process.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>

#include <concepts>

namespace podscope {

/// Says under which process identity a runtime holds its pods.
template <class S>
concept self_source = requires(const S& source) {
    { source.self() } -> std::same_as<result<process_identity>>;
};

/// The process that asks.
struct calling_process {
    [[nodiscard]] result<process_identity> self() const { return this_process(); }
};

/// One that was given: for a supervisor that holds pods in the name of another process, and for
/// tests.
struct given_process {
    process_identity identity{};

    [[nodiscard]] result<process_identity> self() const { return identity; }
};

} // namespace podscope
