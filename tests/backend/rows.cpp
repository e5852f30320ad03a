// SPDX-License-Identifier: BSL-1.0
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/rows.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace backend_test;
using numbers_schema = podscope::schema<numbers>;
using contents = std::map<std::string, std::int64_t>;

contents contents_of(const podscope::basic_rows<numbers_schema>& rows) {
    contents found;
    for (const auto& [key, record] : rows.of<numbers>()) {
        found.emplace(key, record.value);
    }
    return found;
}

} // namespace

TEST_CASE("of several changes to a row its last state is told once, and all are taken back",
          "[random]") {
    std::minstd_rand random{7};
    for (int game = 0; game != 500; ++game) {
        podscope::basic_rows<numbers_schema> rows;
        rows.of<numbers>().try_emplace("b", number{-1, {}});
        rows.of<numbers>().try_emplace("c", number{-2, {}});
        const contents before = contents_of(rows);
        contents expected = before;
        std::map<std::string, std::optional<std::int64_t>> changed;
        {
            podscope::rows_writer<numbers_schema> txn{rows};
            const auto length = random() % 9;
            for (std::int64_t step = 0; step != static_cast<std::int64_t>(length); ++step) {
                const std::string key(1, static_cast<char>('a' + random() % 4));
                if (random() % 3 != 0) {
                    REQUIRE(txn.put<numbers>(key, {step, {}}));
                    expected[key] = step;
                    changed[key] = step;
                } else {
                    REQUIRE(txn.erase<numbers>(key));
                    if (expected.erase(key) != 0) {
                        changed[key] = std::nullopt;
                    }
                }
            }
            REQUIRE(contents_of(rows) == expected);
            REQUIRE(txn.has_changes() == !changed.empty());
            std::vector<std::pair<std::string, std::optional<std::int64_t>>> told;
            txn.for_each_change([&]<class>(std::string_view key, const number* record) {
                told.emplace_back(key,
                                  record != nullptr ? std::optional{record->value} : std::nullopt);
            });
            REQUIRE(told == decltype(told)(changed.begin(), changed.end()));
        }
        REQUIRE(contents_of(rows) == before);
    }
}
