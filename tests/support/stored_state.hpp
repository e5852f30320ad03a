// SPDX-License-Identifier: BSL-1.0
// All that a backend holds, read table by table: what tests judge by, so that no operation under
// test has a part in its own verdict.
#pragma once

#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/pod/schema.hpp>

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace podscope_test {

template <class Schema>
class table_dump;

/// The rows of all tables of a schema, by their keys.
template <podscope::table... Tables>
class table_dump<podscope::schema<Tables...>> {
public:
    template <podscope::table T>
    using rows = std::map<std::string, typename T::record>;

    template <podscope::typed_store Store>
    explicit table_dump(Store& store) {
        must(store.read([&](auto& txn) -> podscope::result<void> {
            podscope::result<void> done{};
            (void)(... && (done = read<Tables>(txn)).has_value());
            return done;
        }));
    }

    template <podscope::table T>
    [[nodiscard]] const auto& of() const {
        return std::get<rows<T>>(tables_);
    }

    template <podscope::table T>
    [[nodiscard]] auto& of() {
        return std::get<rows<T>>(tables_);
    }

    friend bool operator==(const table_dump&, const table_dump&) = default;

private:
    template <podscope::table T, class Txn>
    [[nodiscard]] podscope::result<void> read(Txn& txn) {
        auto& found = of<T>();
        // A transaction may be run again.
        found.clear();
        return txn.template scan<T>({},
                                    [&](std::string_view key, const typename T::record& record) {
                                        found.emplace(key, record);
                                        return podscope::scan::next;
                                    });
    }

    std::tuple<rows<Tables>...> tables_;
};

using stored_state = table_dump<podscope::pod_schema>;

/// The rows of one pod in a table that has several for each, in the order of their keys.
template <podscope::table T>
[[nodiscard]] std::vector<typename T::record> rows_of(const stored_state& state,
                                                      std::string_view pod) {
    std::vector<typename T::record> found;
    const std::string prefix = std::string{pod} + '\0';
    for (const auto& [key, record] : state.of<T>()) {
        if (key.starts_with(prefix)) {
            found.push_back(record);
        }
    }
    return found;
}

} // namespace podscope_test
