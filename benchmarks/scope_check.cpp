// SPDX-License-Identifier: BSL-1.0
// What a permission check costs by the number of rules, against the ways in which it is done
// without an index.
#include "reference/linear_scan.hpp"
#include "reference/sorted_vector.hpp"
#include "support/heap.hpp"
#include "support/measure.hpp"
#include "support/must.hpp"

#include <podscope/podscope.hpp>

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace podscope_bench {
namespace {

using podscope::permission;
using podscope::resource;
using podscope::scope_rule;

// Targets of three to five components, and the one that decides last.
std::vector<std::string> targets(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        std::string target = "/ws/team" + std::to_string(i % 16) + "/area" + std::to_string(i);
        target += i % 3 == 0 ? "" : i % 3 == 1 ? "/lib" : "/lib/detail";
        all.push_back(std::move(target));
    }
    all.push_back("/ws/team3/project/src");
    return all;
}

// Six components, granted by the last rule and by none before it.
constexpr const char* asked = "/ws/team3/project/src/core/engine.cpp";

podscope::scope compiled(std::size_t count) {
    std::vector<scope_rule> rules;
    for (const auto& target : targets(count)) {
        rules.push_back({place(target), permission::write, true});
    }
    return podscope::scope{std::move(rules)};
}

void require(permission found) {
    if (found != permission::write) {
        throw std::runtime_error{"the check that is measured has the wrong answer"};
    }
}

std::string by(const std::string& what, std::size_t count) {
    return what + ", " + std::to_string(count) + (count == 1 ? " rule" : " rules");
}

const char* const check = "check by key";
const char* const scan = "linear scan";
const char* const sorted = "sorted vector";

void add_for(std::size_t count) {
    add_operation(by(check, count), [count] {
        const resource at = place(asked);
        podscope::scope rules = compiled(count);
        require(rules.permission_at(at));
        return [rules = std::move(rules), at] { return rules.permission_at(at); };
    });
    add_operation(by(scan, count), [count] {
        std::vector<path_rule> allow;
        for (const auto& target : targets(count)) {
            allow.push_back({target, permission::write, true});
        }
        linear_scan_scope rules{std::move(allow), {}};
        const auto at = linear_scan_scope::normal(asked);
        require(rules.permission_at(at));
        return [rules = std::move(rules), at] { return rules.permission_at(at); };
    });
    add_operation(by(sorted, count), [count] {
        std::vector<scope_rule> allow;
        for (const auto& target : targets(count)) {
            allow.push_back({place(target), permission::write, true});
        }
        sorted_vector_scope rules{allow, {}};
        const resource at = place(asked);
        require(rules.permission_at(at));
        return [rules = std::move(rules), at] { return rules.permission_at(at); };
    });
}

double allocations_of_checks() {
    const resource at = place(asked);
    const podscope::scope rules = compiled(1'000);
    const auto before = allocations();
    for (int i = 0; i != 1'000; ++i) {
        require(rules.permission_at(at));
    }
    return static_cast<double>(allocations() - before);
}

const on_load here{[] {
    for (const std::size_t count : {1U, 8U, 10U, 100U, 1'000U, 10'000U}) {
        add_for(count);
    }
    compare_instructions("check, 10 000 rules against 10", by(check, 10'000), by(check, 10), 1.3);
    compare_time("check, 10 000 rules against 10", by(check, 10'000), by(check, 10), 2);
    compare_time("check against a linear scan, 8 rules", by(check, 8), by(scan, 8), 1);
    compare_time("check against a linear scan, 1 000 rules", by(check, 1'000), by(scan, 1'000),
                 0.01);
    for (const std::size_t count : {100U, 1'000U, 10'000U}) {
        compare_time(by("check against a sorted vector", count), by(check, count),
                     by(sorted, count), 0.5);
    }
    state("allocations of 1 000 checks", "allocations", allocations_of_checks, 0);
}};

} // namespace
} // namespace podscope_bench
