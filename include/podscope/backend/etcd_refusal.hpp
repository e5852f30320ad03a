// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_error.hpp>
#include <podscope/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace podscope::backend_detail {

/// gRPC's codes, by which etcd's gateway says what went wrong.
enum class etcd_code : std::uint64_t {
    cancelled = 1,
    unknown = 2,
    deadline_exceeded = 4,
    permission_denied = 7,
    failed_precondition = 9,
    out_of_range = 11,
    internal = 13,
    unavailable = 14,
    unauthenticated = 16,
};

/// What it means for a call that a member has answered it with an error.
struct etcd_refusal {
    error why{};
    bool is_passing{};  ///< it, or another one, may do it soon; else the cluster has said no
    bool may_be_done{}; ///< the call may have taken place nevertheless
};

/// Whether a token counts no more, or one is needed.
[[nodiscard]] inline bool is_of_token(etcd_code code, std::string_view why) noexcept {
    return code == etcd_code::unauthenticated || why.find("auth store is old") != why.npos ||
           why.find("user name is empty") != why.npos;
}

/// Reads an error.
/// @param where the endpoint that has answered
[[nodiscard]] inline etcd_refusal
read_refusal(std::string_view where, etcd_code code, std::string_view why) {
    switch (code) {
    case etcd_code::cancelled:
    case etcd_code::unknown:
    case etcd_code::deadline_exceeded:
    case etcd_code::internal:
    case etcd_code::unavailable:
        return {.why = etcd_error(etcd_errc::refused, where, std::string{why}),
                .is_passing = true,
                .may_be_done = true};
    default: break;
    }
    // It has more to do than it keeps up with, and has not taken this on; or it is a member that
    // only learns so far, and does nothing for anybody: both have codes of what is final.
    if (why.find("too many requests") != why.npos ||
        why.find("not supported for learner") != why.npos) {
        return {.why = etcd_error(etcd_errc::refused, where, std::string{why}), .is_passing = true};
    }
    if (is_of_token(code, why) || why.find("authentication failed") != why.npos) {
        return {.why = etcd_error(etcd_errc::bad_credentials, where,
                                  "it does not accept the user and the password that were given (" +
                                      std::string{why} + ")")};
    }
    if (code == etcd_code::permission_denied) {
        return {.why = etcd_error(etcd_errc::not_permitted, where,
                                  "the user may not read and write all keys of the prefix; grant a "
                                  "role that may (" +
                                      std::string{why} + ")")};
    }
    return {.why = etcd_error(code == etcd_code::out_of_range ? etcd_errc::compacted
                                                              : etcd_errc::refused,
                              where, std::string{why})};
}

} // namespace podscope::backend_detail
