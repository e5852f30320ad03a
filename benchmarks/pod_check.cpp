// SPDX-License-Identifier: BSL-1.0
// What it adds to a check of a scope that a pod finds out at once when it was reclaimed.
#include "support/measure.hpp"
#include "support/pod_checks.hpp"
#include "support/population.hpp"
#include "support/scratch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/podscope.hpp>

#include <memory>
#include <string>
#include <utility>

namespace podscope_bench {
namespace {

using podscope::permission;

const char* const bare = "resolve and check the scope alone";

void add_pod_row(const std::string& name, const std::string& operation) {
    // Five nanoseconds above the bare check.
    add_row([=](const costs& found) {
        const double reference = found.time_of(bare);
        return row{.name = name,
                   .unit = "ns",
                   .value = found.time_of(operation),
                   .reference = bare,
                   .reference_value = reference,
                   .limit = (reference + 5) / reference};
    });
}

const on_load here{[] {
    add_operation(bare, [] {
        // Shared by threads, as a pod's is: what a check costs without the look at revocation.
        const podscope::lexical_path names;
        const auto rules = std::make_shared<podscope::shared_scope>(
            podscope::scope{{{names.resolve("/ws").value(), permission::write, true}}});
        return [rules, names] {
            return rules->allows(*names.resolve(place_asked), permission::write);
        };
    });
    add_operation("pod check in memory", [] { return checks_of(memory_backend{}); });
    add_operation("pod check on a journal", [] {
        static int stores = 0; // one for each repetition
        return checks_of(
            podscope::basic_journal<podscope::pod_schema, podscope::durability::process>::open(
                scratch() + "/check" + std::to_string(++stores))
                .value());
    });
    add_pod_row("check by a pod when nothing changed, memory", "pod check in memory");
    add_pod_row("check by a pod when nothing changed, journal", "pod check on a journal");
}};

} // namespace
} // namespace podscope_bench
