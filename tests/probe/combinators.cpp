// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"

#include <podscope/probe/callback.hpp>
#include <podscope/probe/combinators.hpp>
#include <podscope/probe/fixed.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr std::array every_verdict{verdict::unknown, verdict::reachable, verdict::unreachable,
                                   verdict::missing};

/// Subjects named after each verdict that the first probe and the second will give: "01" and so on.
std::vector<probe_subject> every_pair() {
    std::vector<probe_subject> subjects;
    for (const char first : {'0', '1', '2', '3'}) {
        for (const char second : {'0', '1', '2', '3'}) {
            subjects.push_back({.pod = {first, second}});
        }
    }
    return subjects;
}

auto says_letter(std::size_t which, std::vector<std::string>& asked) {
    return callback_probe{[which, &asked](const probe_subject& subject, deadline) {
        asked.push_back(subject.pod);
        return every_verdict[static_cast<std::size_t>(subject.pod[which] - '0')];
    }};
}

std::string as_text(const std::vector<verdict>& verdicts) {
    std::string text;
    for (const auto v : verdicts) {
        text += v == verdict::unknown       ? '?'
                : v == verdict::reachable   ? 'R'
                : v == verdict::unreachable ? 'U'
                                            : 'M';
    }
    return text;
}

template <class Probe>
std::string answers(Probe probe) {
    const auto subjects = every_pair();
    std::vector<verdict> verdicts(subjects.size(), verdict::unknown);
    probe.probe(subjects, deadline{}, verdicts);
    return as_text(verdicts);
}

} // namespace

// In the tables, the first probe says ? R U M from block to block, the second within each block.

TEST_CASE("all_of takes the worst verdict and lets those abstain who do not know") {
    std::vector<std::string> first;
    std::vector<std::string> second;
    CHECK(answers(all_of(says_letter(0, first), says_letter(1, second))) == "?RUM"
                                                                            "RRUM"
                                                                            "UUUM"
                                                                            "MMMM");
    CHECK(first.size() == 16);
    CHECK(second == std::vector<std::string>{"00", "01", "02", "03", "10", "11", "12", "13", "20",
                                             "21", "22", "23"});
}

TEST_CASE("any_of takes the best verdict and makes no unknown dead") {
    std::vector<std::string> first;
    std::vector<std::string> second;
    CHECK(answers(any_of(says_letter(0, first), says_letter(1, second))) == "?RUM"
                                                                            "RRRR"
                                                                            "URUU"
                                                                            "MRUM");
    CHECK(first.size() == 16);
    CHECK(second == std::vector<std::string>{"00", "01", "02", "03", "20", "21", "22", "23", "30",
                                             "31", "32", "33"});
}

TEST_CASE("first_that_knows asks later probes about the undecided only") {
    std::vector<std::string> first;
    std::vector<std::string> second;
    CHECK(answers(first_that_knows(says_letter(0, first), says_letter(1, second))) == "?RUM"
                                                                                      "RRRR"
                                                                                      "UUUU"
                                                                                      "MMMM");
    CHECK(first.size() == 16);
    CHECK(second == std::vector<std::string>{"00", "01", "02", "03"});
}

TEST_CASE("a later probe that nobody is left for is not asked") {
    int asked = 0;
    const auto counting = callback_probe{[&](const probe_subject&, deadline) {
        ++asked;
        return verdict::reachable;
    }};
    const std::vector<probe_subject> subjects(3);
    CHECK(ask_all(all_of(fixed_probe{verdict::missing}, counting), subjects) ==
          std::vector(3, verdict::missing));
    CHECK(ask_all(any_of(fixed_probe{verdict::reachable}, counting), subjects) ==
          std::vector(3, verdict::reachable));
    CHECK(asked == 0);
    CHECK(ask_all(all_of(counting), subjects) == std::vector(3, verdict::reachable));
    CHECK(asked == 3);
}

TEST_CASE("all probes of a combination share one deadline") {
    std::vector<deadline> given;
    const auto noting = [&] {
        return callback_probe{[&](const probe_subject&, deadline until) {
            given.push_back(until);
            return verdict::unknown;
        }};
    };
    const auto until = in(1h);
    CHECK(ask(first_that_knows(noting(), any_of(noting(), all_of(noting()))), {}, until) ==
          verdict::unknown);
    CHECK(given == std::vector(3, until));
}

TEST_CASE("combinations nest") {
    const fixed_probe local{{{"a", verdict::reachable}, {"b", verdict::unreachable}}};
    const fixed_probe remote{{{"b", verdict::reachable}, {"c", verdict::missing}}};
    const auto probe = first_that_knows(all_of(local, fixed_probe{verdict::unknown}), remote);
    CHECK(as_text(ask_all(probe, {{.pod = "a"}, {.pod = "b"}, {.pod = "c"}, {.pod = "d"}})) ==
          "RUM?");
}

TEST_CASE("a combination takes probes that cannot be const") {
    struct changing {
        verdict next{verdict::unreachable};

        void probe(std::span<const probe_subject>, deadline, std::span<verdict> verdicts) {
            for (auto& v : verdicts) {
                v = std::exchange(next, verdict::missing);
            }
        }
    };

    auto probe = all_of(changing{}, fixed_probe{verdict::reachable});
    static_assert(reachability_probe<decltype(probe)>);
    static_assert(!reachability_probe<const decltype(probe)>);
    std::vector<verdict> verdicts(2, verdict::unknown);
    probe.probe(std::vector<probe_subject>(2), deadline{}, verdicts);
    CHECK(as_text(verdicts) == "UM");
}
