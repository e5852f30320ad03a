// SPDX-License-Identifier: BSL-1.0
// Records between versions of the library.
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/store/records.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::epoch;
using podscope::field;
using podscope::record_fields;

// A manifest's snapshot and a pod's record as they were before there were reasons and times.
struct snapshot_without_reason {
    std::vector<podscope::scope_rule> allow{};
    std::vector<podscope::scope_rule> deny{};
    std::vector<podscope::scope_rule> authority{};
    std::optional<podscope::when_unreachable> unreachable{};
    podscope::unknown_fields unknown{};

    using stored_fields = record_fields<field<"allow", &snapshot_without_reason::allow>,
                                        field<"deny", &snapshot_without_reason::deny>,
                                        field<"authority", &snapshot_without_reason::authority>,
                                        field<"unreachable", &snapshot_without_reason::unreachable>,
                                        field<"unknown", &snapshot_without_reason::unknown>>;
};

struct record_without_time {
    std::string pod{};
    std::string active_segment{};
    snapshot_without_reason manifest{};
    std::string delegated_from{};
    epoch granted{};
    std::optional<std::vector<std::string>> peers{};
    podscope::unknown_fields unknown{};

    using stored_fields =
        record_fields<field<"pod", &record_without_time::pod>,
                      field<"active_segment", &record_without_time::active_segment>,
                      field<"manifest", &record_without_time::manifest>,
                      field<"delegated_from", &record_without_time::delegated_from>,
                      field<"granted", &record_without_time::granted>,
                      field<"peers", &record_without_time::peers>,
                      field<"unknown", &record_without_time::unknown>>;
};

} // namespace

TEST_CASE("F39 a pod's record of a version without reasons and times is read as it is", "[store]") {
    const record_without_time old{.pod = "coder", .delegated_from = "planner", .granted = epoch{7}};
    const auto read =
        must(podscope::decode_record<podscope::pod_record>(podscope::encode_record(old)));
    CHECK(read.pod == "coder");
    CHECK(read.granted == epoch{7});
    CHECK_FALSE(read.granted_ms);
    CHECK_FALSE(read.manifest.reason);
    CHECK(podscope::encode_record(read) == podscope::encode_record(old));
}

TEST_CASE("F39 a version without reasons and times loses none when it changes a record",
          "[store]") {
    podscope::pod_record told{.pod = "coder", .granted = epoch{7}, .granted_ms = 1'700'000'000'000};
    told.manifest.reason = "mends the parser";
    auto old = must(podscope::decode_record<record_without_time>(podscope::encode_record(told)));
    old.active_segment = "another";
    told.active_segment = "another";
    CHECK(must(podscope::decode_record<podscope::pod_record>(podscope::encode_record(old))) ==
          told);
}
