// SPDX-License-Identifier: BSL-1.0
// What has become of an operation, as far as who has asked for it knows.
#pragma once

#include <podscope/backend/etcd_error.hpp>
#include <podscope/error.hpp>

#include <stdexcept>

namespace regimes {

enum class fate {
    answered,
    lost,    ///< its answer is: it has happened, or will yet, or not
    refused, ///< it has not happened, for reasons that no model knows
};

/// What an error says of the fate of what was asked for. One that says that something is wrong with
/// a cluster, and not that it is out of reach, is thrown.
[[nodiscard]] inline fate fate_of(const podscope::error& why) {
    if (why.system.category() != podscope::etcd_category()) {
        return fate::answered;
    }
    switch (static_cast<podscope::etcd_errc>(why.system.value())) {
    case podscope::etcd_errc::in_doubt: return fate::lost;
    case podscope::etcd_errc::no_endpoint:
    case podscope::etcd_errc::no_answer:
    case podscope::etcd_errc::refused:
    case podscope::etcd_errc::conflicts: return fate::refused;
    default: throw std::runtime_error{to_string(why)};
    }
}

} // namespace regimes
