// SPDX-License-Identifier: BSL-1.0
// The library's own code under every order of transactions, probes and notifications, every answer
// and every crash of small scenarios; and after each, whether nothing is left over once the storm
// is over.
#include "regimes/explore/explored_run.hpp"

#include <podscope/json_writer.hpp>
#include <podscope/verify/explorer.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace regimes;
using podscope::verify::exploration;
using podscope::verify::violation;

struct options {
    bool is_long{};
    bool until_found{}; ///< to go no further then
    std::string_view only{};
    std::string_view replay{};
    std::uint64_t seed{1};
    std::optional<std::uint64_t> most_states{};
    std::optional<std::size_t> most_steps{};
    std::optional<std::uint64_t> samples{};
};

/// Makes runs of a scenario.
auto runs_of(const scenario& one, bool meddled) {
    return [&one, meddled] { return one.make(meddled); };
}

// A million over all scenarios.
std::uint64_t long_samples() {
    return 1'000'000 / scenarios().size() + 1;
}

void tell(const scenario& played, const violation& found, bool is_long) {
    std::printf("\n%s\n", played.name.c_str());
    for (std::size_t i = 0; i != found.steps.size(); ++i) {
        std::printf("  %2zu. %s\n", i + 1, found.steps[i].c_str());
    }
    for (const auto& what : found.broken) {
        std::printf("  %s\n", what.c_str());
    }
    std::printf("  again: ./dev explore%s --only='%s' --replay=%s\n", is_long ? " --long" : "",
                played.name.c_str(), found.replay.c_str());
}

[[noreturn]] void usage(const char* program) {
    std::fprintf(
        stderr,
        "usage: %s [--long] [--seed=N] [--states=N] [--steps=N] [--samples=N] [--until-found] "
        "[--only=TEXT [--replay=WAY]]\n",
        program);
    std::exit(2);
}

options read_options(int argc, char** argv) {
    options read;
    for (int i = 1; i < argc; ++i) {
        const std::string_view text{argv[i]};
        const auto equals = std::min(text.find('='), text.size() - 1);
        const auto name = text.substr(0, equals + 1);
        const auto value = text.substr(equals + 1);
        const auto number = [&](auto& into) {
            std::uint64_t read_number{};
            const char* const last = value.data() + value.size();
            const auto [end, fault] = std::from_chars(value.data(), last, read_number);
            into = read_number;
            return fault == std::errc{} && end == last;
        };
        if (text == "--long") {
            read.is_long = true;
        } else if (text == "--until-found") {
            read.until_found = true;
        } else if (name == "--only=") {
            read.only = value;
        } else if (name == "--replay=") {
            read.replay = value;
        } else if (!(name == "--seed=" && number(read.seed)) &&
                   !(name == "--states=" && number(read.most_states)) &&
                   !(name == "--steps=" && number(read.most_steps)) &&
                   !(name == "--samples=" && number(read.samples))) {
            usage(argv[0]);
        }
    }
    return read;
}

} // namespace

int main(int argc, char** argv) {
    const auto asked = read_options(argc, argv);
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t endings = 0;
    std::uint64_t sampled = 0;
    std::uint64_t sampled_steps = 0;
    std::size_t exhausted = 0;
    std::size_t played = 0;
    std::size_t found = 0;
    for (const auto& one : scenarios()) {
        if (one.name.find(asked.only) == std::string::npos) {
            continue;
        }
        ++played;
        if (!asked.replay.empty()) {
            const auto told = podscope::verify::replayed(runs_of(one, asked.is_long), asked.replay);
            tell(one, told, asked.is_long);
            found += told.broken.empty() ? 0U : 1U;
            continue;
        }
        bool meddled = asked.is_long;
        auto all = podscope::verify::explore(
            runs_of(one, meddled),
            asked.most_states.value_or(asked.is_long ? 400'000 : ~std::uint64_t{0}),
            asked.most_steps.value_or(~std::size_t{0}));
        std::printf("%8llu states %9llu steps %7llu endings, depth %2zu%s  %s\n",
                    static_cast<unsigned long long>(all.states),
                    static_cast<unsigned long long>(all.transitions),
                    static_cast<unsigned long long>(all.endings), all.depth,
                    all.exhausted ? "" : " (given up)", one.name.c_str());
        std::fflush(stdout);
        states += all.states;
        transitions += all.transitions;
        endings += all.endings;
        exhausted += all.exhausted ? 1U : 0U;
        // Where two more processes meddle there is more than can be gone through.
        constexpr std::size_t most_steps = 40;
        constexpr std::size_t changes = 3;
        podscope::verify::sampler sample{runs_of(one, true), asked.seed, most_steps, changes};
        const auto schedules = asked.samples.value_or(asked.is_long ? long_samples() : 100);
        for (std::uint64_t i = 0; i != schedules && !all.found; ++i) {
            auto once = sample();
            ++sampled;
            sampled_steps += once.steps;
            if (once.found) {
                all.found = std::move(once.found);
                meddled = true;
            }
        }
        if (all.found) {
            ++found;
            tell(one, *all.found, meddled);
            if (asked.until_found) {
                return 1;
            }
        }
    }
    std::string figures;
    podscope::json_object_writer line{figures};
    line.text("regime", "explore")
        .number("scenarios", played)
        .number("exhausted", exhausted)
        .number("states", states)
        .number("transitions", transitions)
        .number("endings", endings)
        .number("sampled", sampled)
        .number("sampled_steps", sampled_steps)
        .number("seed", asked.seed)
        .number("violations", found)
        .close();
    std::puts(figures.c_str());
    if (played == 0) {
        std::fprintf(stderr, "no scenario has '%s' in its name\n", std::string{asked.only}.c_str());
        return 2;
    }
    // Without meddlers each has to be gone through, unless less was asked for.
    const bool is_whole = asked.is_long || asked.most_states || asked.most_steps ||
                          !asked.replay.empty() || exhausted == played;
    return found == 0 && is_whole ? 0 : 1;
}
