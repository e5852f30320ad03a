// SPDX-License-Identifier: BSL-1.0
// Rows of a database, as bytes and as records.
#pragma once

#include "backend/test_tables.hpp"
#include "support/results.hpp"

#include <podscope/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace backend_test {

[[nodiscard]] podscope::result<void>
put_bytes(auto& bytes, std::string_view key, std::string_view value) {
    return bytes.write([&](auto& txn) { return txn.put(key, value); });
}

[[nodiscard]] std::optional<std::string> bytes_at(auto& bytes, std::string_view key) {
    return podscope_test::must(bytes.read([&](auto& txn) { return txn.get(key); }));
}

/// Some notes of a hundred characters, "row0" and so on, in one transaction.
void put_notes(auto& store, int count) {
    podscope_test::must(store.write([&](auto& txn) -> podscope::result<void> {
        podscope::result<void> done{};
        for (int i = 0; done && i < count; ++i) {
            done =
                txn.template put<notes>("row" + std::to_string(i), {std::string(100, 'x'), {}, {}});
        }
        return done;
    }));
}

} // namespace backend_test
