// SPDX-License-Identifier: BSL-1.0
// A backend whose commits fail at a chosen moment: as a process would find it that dies there.
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace podscope_test {

/// Copies are handles of the same store and of the same plan.
template <podscope::typed_store Store>
class failing_backend {
public:
    static constexpr podscope::durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;

    using reader = typename Store::reader;
    using writer = typename Store::writer;

    explicit failing_backend(Store store) : store_{std::move(store)} {}

    /// The commit that comes after so many others does not take place. Nor do those after it, until
    /// `work_again`: a dead process does nothing more.
    void fail_after(int commits) { plan_->left = commits; }

    void work_again() { plan_->left.reset(); }

    /// How many commits there were.
    [[nodiscard]] int commits() const { return plan_->commits; }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) const {
        return store_.read(std::forward<F>(body));
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        return store_.write([&](writer& txn) -> std::invoke_result_t<F, writer&> {
            auto outcome = std::forward<F>(body)(txn);
            if (outcome && txn.has_changes()) {
                if (plan_->left == 0) {
                    return podscope::fail({.category = podscope::errc::io,
                                           .message = "the commit failed, as planned"});
                }
                ++plan_->commits;
                if (plan_->left) {
                    --*plan_->left;
                }
            }
            return outcome;
        });
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return store_.generation(); }

private:
    struct plan {
        std::optional<int> left{};
        int commits{0};
    };

    Store store_;
    std::shared_ptr<plan> plan_{std::make_shared<plan>()};
};

} // namespace podscope_test
