// SPDX-License-Identifier: BSL-1.0
// A store that lets others come in between wherever they can: before, in and after each
// transaction. On few processors operations would seldom overlap otherwise.
#pragma once

#include <podscope/backend/concept.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

#include <sched.h>

namespace regimes {

template <podscope::typed_store Store>
class yielding {
public:
    static constexpr podscope::durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;

    using reader = typename Store::reader;
    using writer = typename Store::writer;

    explicit yielding(Store store) : store_{std::move(store)} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) {
        ::sched_yield();
        auto got = store_.read([&](reader& txn) {
            ::sched_yield();
            return body(txn);
        });
        ::sched_yield();
        return got;
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        ::sched_yield();
        auto got = store_.write([&](writer& txn) {
            auto done = body(txn);
            ::sched_yield();
            return done;
        });
        ::sched_yield();
        return got;
    }

    [[nodiscard]] std::uint64_t generation() const noexcept
        requires podscope::has_generation<Store>
    {
        return store_.generation();
    }

private:
    Store store_;
};

} // namespace regimes
