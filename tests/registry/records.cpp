// SPDX-License-Identifier: BSL-1.0
// Rows between versions of the library.
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/registry/records.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::epoch;
using podscope::field;
using podscope::record_fields;

// An allocation as it was before scope that came back raised a pod's fence.
struct allocation_without_return {
    std::string pod{};
    podscope::process_identity owner{};
    std::string endpoint{};
    std::vector<podscope::scope_rule> allow{};
    std::string delegated_from{};
    std::string segment{};
    epoch granted{};
    bool adopted{};
    std::uint64_t layers_revision{};
    podscope::unknown_fields unknown{};

    using self = allocation_without_return;
    using stored_fields = record_fields<field<"pod", &self::pod>,
                                        field<"owner", &self::owner>,
                                        field<"endpoint", &self::endpoint>,
                                        field<"allow", &self::allow>,
                                        field<"delegated_from", &self::delegated_from>,
                                        field<"segment", &self::segment>,
                                        field<"granted", &self::granted>,
                                        field<"adopted", &self::adopted>,
                                        field<"layers_revision", &self::layers_revision>,
                                        field<"unknown", &self::unknown>>;
};

} // namespace

TEST_CASE("F39 a row of a version without fences has its grant's, and keeps another's",
          "[registry]") {
    const allocation_without_return old{.pod = "planner", .granted = epoch{7}};
    auto row = must(podscope::decode_record<podscope::allocation>(podscope::encode_record(old)));
    CHECK(row.fence() == epoch{7});
    CHECK(podscope::encode_record(row) == podscope::encode_record(old));

    row.returned = epoch{9};
    CHECK(row.fence() == epoch{9});
    auto seen =
        must(podscope::decode_record<allocation_without_return>(podscope::encode_record(row)));
    ++seen.layers_revision;
    ++row.layers_revision;
    CHECK(must(podscope::decode_record<podscope::allocation>(podscope::encode_record(seen))) ==
          row);
}
