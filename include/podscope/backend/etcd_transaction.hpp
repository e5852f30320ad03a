// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/etcd_view.hpp>
#include <podscope/backend/guessed_reads.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podscope {

/// A transaction that reads from etcd. A visitor of a scan may read in turn.
class etcd_reader {
public:
    explicit etcd_reader(backend_detail::etcd_view& on) noexcept : on_{&on} {}

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const {
        return on_->get(key);
    }

    template <class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        return on_->scan(from, visit);
    }

    /// As reads_leased has it.
    [[nodiscard]] result<bool> is_leased(std::string_view key) const {
        auto lease = on_->lease_of(key);
        return lease ? result<bool>{*lease != 0} : fail(lease);
    }

    /// As guesses_reads has it.
    [[nodiscard]] bool has_guessed() const noexcept { return !on_->was_sure(); }

protected:
    backend_detail::etcd_view* on_;
};

/// A transaction that changes what is in etcd, at its end.
class etcd_writer : public etcd_reader {
public:
    using etcd_reader::etcd_reader;

    [[nodiscard]] result<void> put(std::string_view key, std::string_view value) {
        on_->put(key, value);
        return {};
    }

    [[nodiscard]] result<void> erase(std::string_view key) {
        on_->erase(key);
        return {};
    }

    /// As leases_rows has it, and so is the next.
    [[nodiscard]] result<void> put_leased(std::string_view key, std::string_view value) {
        return put_on(on_->own_lease(), key, value);
    }

    [[nodiscard]] result<void>
    put_beside(std::string_view key, std::string_view value, std::string_view beside) {
        return put_on(on_->lease_of(beside), key, value);
    }

    /// As reverts_rows has it.
    [[nodiscard]] result<void> revert(std::string_view key) {
        on_->revert(key);
        return {};
    }

private:
    [[nodiscard]] result<void>
    put_on(result<std::uint64_t> lease, std::string_view key, std::string_view value) {
        if (!lease) {
            return fail(lease);
        }
        on_->put(key, value, *lease);
        return {};
    }
};

static_assert(leasing_byte_reader<etcd_reader> && leasing_byte_writer<etcd_writer>);
static_assert(reverting_byte_writer<etcd_writer>);
static_assert(guesses_reads<etcd_reader> && guesses_reads<etcd_writer>);

} // namespace podscope
