// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/boot_id.hpp>
#include <podscope/error.hpp>
#include <podscope/record_fields.hpp>

#include <cstdint>

namespace podscope {

/// Until when a pod says that it lives: for `term_ms` from its last renewal on.
///
/// Times are of CLOCK_MONOTONIC, in milliseconds: of one boot, and of one time namespace, which are
/// named with them, since they mean nothing elsewhere.
struct lease {
    epoch granted{}; ///< of the allocation of the incarnation that holds it
    boot_id boot{};
    std::uint64_t time_namespace{}; ///< the inode of it; 0 on a kernel that has none
    std::int64_t renewed_ms{};
    std::int64_t term_ms{};
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"granted", &lease::granted>,
                                        field<"boot", &lease::boot>,
                                        field<"time_namespace", &lease::time_namespace>,
                                        field<"renewed_ms", &lease::renewed_ms>,
                                        field<"term_ms", &lease::term_ms>,
                                        field<"unknown", &lease::unknown>>;

    friend bool operator==(const lease&, const lease&) = default;
};

/// That an incarnation took a lease and has not given it back. A row of its own, since a store may
/// let the lease itself vanish when it expires.
struct taken_lease {
    epoch granted{};
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"granted", &taken_lease::granted>,
                                        field<"unknown", &taken_lease::unknown>>;

    friend bool operator==(const taken_lease&, const taken_lease&) = default;
};

/// The tables of leases. Their keys are names of pods.
namespace tables {

struct leases {
    static constexpr const char* name = "leases";
    using record = lease;
};

struct taken_leases {
    static constexpr const char* name = "taken_leases";
    using record = taken_lease;
};

} // namespace tables

/// The tables of a store for leases alone.
using lease_schema = schema<tables::leases, tables::taken_leases>;

/// A store that has the tables of leases.
template <class S>
concept lease_store =
    typed_store<S> && reads<typename S::reader, tables::leases> &&
    reads<typename S::reader, tables::taken_leases> && writes<typename S::writer, tables::leases> &&
    writes<typename S::writer, tables::taken_leases>;

} // namespace podscope
