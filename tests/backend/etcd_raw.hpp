// SPDX-License-Identifier: BSL-1.0
// What somebody can do to an etcd besides using a store in it.
#pragma once

#include "support/results.hpp"

#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/json_value.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace backend_test {

class raw_etcd {
public:
    explicit raw_etcd(const std::string& endpoint)
        : by_{{.endpoints = {endpoint}}, podscope::etcd_over_http()} {
        podscope_test::must(by_.check_endpoints());
    }

    [[nodiscard]] podscope::backend_detail::json_value ask(std::string_view path,
                                                           std::string_view body) {
        return podscope_test::must(by_.ask(path, body, by_.deadline()));
    }

    /// All that there are, in order.
    [[nodiscard]] std::vector<std::string> leases() {
        std::vector<std::string> found;
        const auto said = ask("/v3/lease/leases", "{}");
        for (const auto& one : said["leases"].items()) {
            found.emplace_back(one["ID"].text());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    /// The lease that a row hangs on.
    [[nodiscard]] std::string lease_of(std::string_view key) {
        const auto said =
            ask("/v3/kv/range", podscope::backend_detail::etcd_object{}.bytes("key", key).done());
        const auto& rows = said["kvs"].items();
        return rows.empty() ? std::string{} : std::string{rows[0]["lease"].text()};
    }

    /// Ends a lease, as the cluster does when it has run out.
    void end(const std::string& lease) {
        (void)ask("/v3/lease/revoke", R"({"ID":")" + lease + R"("})");
    }

private:
    podscope::backend_detail::etcd_client by_;
};

} // namespace backend_test
