// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_tables.hpp>
#include <podscope/verify/conformance/store_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::verify::conformance {

/// A handle of a store whose calls are steps of a trial, and whose failures break the promise.
class hand {
public:
    hand(trial& t, any_place& at, std::string name) : trial_{&t}, name_{std::move(name)} {
        t.step("open " + name_);
        store_ = t.must(at.open(), "that");
    }

    [[nodiscard]] any_store& store() const noexcept { return *store_; }

    void put(std::string_view key, std::int64_t number, which_table in = which_table::first) {
        put(key, kit_row{number, {}, {}}, in);
    }

    void put(std::string_view key, const kit_row& row, which_table in = which_table::first) {
        say("put", key, in, shown(row));
        trial_->must(store_->write([&](any_transaction& txn) { return txn.put(in, key, row); }),
                     "that");
    }

    void erase(std::string_view key, which_table in = which_table::first) {
        say("erase", key, in, {});
        trial_->must(store_->write([&](any_transaction& txn) { return txn.erase(in, key); }),
                     "that");
    }

    [[nodiscard]] std::optional<kit_row> row(std::string_view key,
                                             which_table in = which_table::first) {
        say("get", key, in, {});
        std::optional<kit_row> found;
        trial_->must(store_->read([&](any_transaction& txn) -> result<void> {
            auto row = txn.get(in, key);
            if (!row) {
                return fail(row);
            }
            found = *std::move(row);
            return {};
        }),
                     "that");
        return found;
    }

    /// Fails the trial unless a row has that number, or is not there.
    void expect(std::string_view key,
                std::optional<std::int64_t> wanted,
                which_table in = which_table::first) {
        const auto found = row(key, in);
        trial_->equal(found ? std::optional{found->number} : std::nullopt, wanted, "that");
    }

    [[nodiscard]] std::vector<std::string> keys(std::string_view from = {},
                                                which_table in = which_table::first) {
        say("scan from", from, in, {});
        std::vector<std::string> seen;
        trial_->must(store_->read([&](any_transaction& txn) {
            seen.clear();
            return txn.scan_from(in, from, [&](std::string_view key, const kit_row&) {
                seen.emplace_back(key);
                return scan::next;
            });
        }),
                     "that");
        return seen;
    }

    void expect_keys(const std::vector<std::string>& wanted,
                     std::string_view from = {},
                     which_table in = which_table::first) {
        trial_->equal(keys(from, in), wanted, "that");
    }

    [[nodiscard]] std::uint64_t generation() const {
        trial_->step("take " + name_ + "'s generation");
        return store_->generation();
    }

private:
    void say(std::string_view what, std::string_view key, which_table in, std::string_view rest) {
        std::string text = name_ + ": ";
        text.append(what).append(" ").append(in_quotes(key));
        text.append(in == which_table::other ? " in the second table" : "");
        text.append(rest.empty() ? "" : " = ").append(rest);
        trial_->step(std::move(text));
    }

    trial* trial_;
    std::string name_;
    std::unique_ptr<any_store> store_;
};

} // namespace podscope::verify::conformance
