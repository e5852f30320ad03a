// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace podscope {

/// Why an etcd cluster could not be used, as `error::system` has it, to switch on. The category of
/// such an error is `unavailable`, or `timeout` for `no_answer`.
enum class etcd_errc {
    no_endpoint = 1,     ///< no endpoint takes a connection
    no_answer,           ///< a connection was taken, and no answer came in time
    no_etcd,             ///< what answers is no etcd of version 3.4 or later
    expects_tls,         ///< the endpoint closes connections without TLS
    speaks_no_tls,       ///< the endpoint was to speak TLS, and does not
    untrusted_server,    ///< the server's certificate is of no authority that is trusted
    refused_certificate, ///< the server wants a client certificate, or another one
    bad_credentials,     ///< the user or the password is wrong, or none was given
    not_permitted,       ///< the user may not read or write keys of this prefix
    wrong_cluster,       ///< the endpoint belongs to another cluster
    refused,             ///< etcd gave another reason, which is in the message
    conflicts,           ///< others changed what a write had read, at each of its attempts
    compacted,           ///< the state that was being read is gone
    in_doubt,            ///< whether a commit took place could not be found out
};

namespace backend_detail {

class etcd_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "etcd"; }

    [[nodiscard]] std::string message(int code) const override {
        switch (static_cast<etcd_errc>(code)) {
        case etcd_errc::no_endpoint: return "no endpoint takes a connection";
        case etcd_errc::no_answer: return "no answer";
        case etcd_errc::no_etcd: return "no etcd";
        case etcd_errc::expects_tls: return "TLS is expected";
        case etcd_errc::speaks_no_tls: return "no TLS";
        case etcd_errc::untrusted_server: return "untrusted certificate";
        case etcd_errc::refused_certificate: return "client certificate refused";
        case etcd_errc::bad_credentials: return "bad credentials";
        case etcd_errc::not_permitted: return "not permitted";
        case etcd_errc::wrong_cluster: return "wrong cluster";
        case etcd_errc::refused: return "refused";
        case etcd_errc::conflicts: return "too many conflicts";
        case etcd_errc::compacted: return "compacted";
        case etcd_errc::in_doubt: return "commit in doubt";
        }
        return "unknown";
    }
};

} // namespace backend_detail

[[nodiscard]] inline const std::error_category& etcd_category() noexcept {
    static const backend_detail::etcd_error_category only;
    return only;
}

[[nodiscard]] inline std::error_code make_error_code(etcd_errc code) noexcept {
    return {static_cast<int>(code), etcd_category()};
}

namespace backend_detail {

/// "etcd at <where>: <what>".
[[nodiscard]] inline error etcd_error(etcd_errc code, std::string_view where, std::string what) {
    return {.category = code == etcd_errc::no_answer ? errc::timeout : errc::unavailable,
            .message = "etcd at " + std::string{where} + ": " + std::move(what),
            .subject = std::string{where},
            .system = make_error_code(code)};
}

} // namespace backend_detail
} // namespace podscope

template <>
struct std::is_error_code_enum<podscope::etcd_errc> : std::true_type {};
