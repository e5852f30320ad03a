// SPDX-License-Identifier: BSL-1.0
// Catch2's main, with two options in front of Catch2's own. `--write-ctest`
// writes the executable's test cases as a ctest script: Catch2's discovery goes
// through a CMake list of names, which brackets and semicolons break, and it
// forgets the tags. `--for-ctest` runs one test case and tells ctest whether it
// was skipped. The instances of a test case for each type of a list are one test
// for ctest: most of them take less time than the executable takes to start.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

#if PODSCOPE_CATCH_MAJOR >= 3
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/interfaces/catch_interfaces_registry_hub.hpp>
#include <catch2/interfaces/catch_interfaces_testcase.hpp>
#endif

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

#if PODSCOPE_CATCH_MAJOR >= 3
std::string text_of(const Catch::Tag& tag) {
    return {tag.original.begin(), tag.original.end()};
}

// Version 3 fails by itself when no test case matches.
constexpr std::string_view fail_without_match = "";
#else
std::string text_of(const std::string& tag) {
    return tag;
}

constexpr std::string_view fail_without_match = " -w NoTests";
#endif

constexpr int skip_return_code = 77;

std::string bracketed(std::string_view text) {
    return std::string{"[====["}.append(text).append("]====]");
}

// A name as a Catch2 test specification that matches that name only.
std::string specification(std::string_view name) {
    std::string spec;
    for (const char c : name) {
        if (std::string_view{R"(\,[]"~*)"}.find(c) != std::string_view::npos)
            spec += '\\';
        spec += c;
    }
    return spec;
}

// What the instances of a test case for a list of types have in common: their
// names end with " - " and a number. Empty if the name is no such.
std::string_view family_of(std::string_view name) {
    const auto before_number = name.find_last_not_of("0123456789") + 1;
    const auto family = name.substr(0, before_number);
    return family != name && family.ends_with(" - ") ? family : "";
}

struct ctest_test {
    std::string name{};
    std::string specification{};
    std::string labels{};
    int seconds{};
};

void add(std::vector<ctest_test>& all, std::string_view name, std::string labels, int seconds) {
    const auto family = family_of(name);
    if (family.empty()) {
        all.push_back({std::string{name}, specification(name), std::move(labels), seconds});
        return;
    }
    auto spec = specification(family) + '*';
    for (auto& known : all) {
        if (known.specification == spec) {
            known.seconds += seconds;
            return;
        }
    }
    const auto shown = family.substr(0, family.size() - std::string_view{" - "}.size());
    all.push_back({std::string{shown}, std::move(spec), std::move(labels), seconds});
}

// To see a use of what a function has returned from, the address sanitizer keeps stacks of its own,
// which a fork has to copy: half of the time of a test that does little else.
constexpr std::string_view without_fake_stacks =
    "[[ASAN_OPTIONS=string_append::detect_stack_use_after_return=0]]";

bool forks_often(const ctest_test& test) {
    return test.labels.find(";invariants") != std::string::npos;
}

int write_ctest(const std::filesystem::path& executable,
                const char* file,
                std::string_view folder,
                int seconds) {
    std::vector<ctest_test> all;
    for (const auto& test : Catch::getRegistryHub().getTestCaseRegistry().getAllTests()) {
        const auto& info = test.getTestCaseInfo();
        if (info.isHidden())
            continue;

        std::string labels{folder};
        int limit = seconds;
        for (const auto& each : info.tags) {
            const std::string tag = text_of(each);
            if (tag.starts_with('!') || tag.starts_with('@') || tag == folder)
                continue;
            labels.append(";").append(tag);
            if (tag == "slow")
                limit *= 10;
        }
        add(all, info.name, std::move(labels), limit);
    }

    std::ofstream out{file};
    for (const auto& each : all) {
        out << "add_test(" << bracketed(each.name) << ' ' << bracketed(executable.string())
            << " --for-ctest " << bracketed(each.specification) << fail_without_match << ")\n"
            << "set_tests_properties(" << bracketed(each.name) << " PROPERTIES TIMEOUT "
            << each.seconds << " LABELS " << bracketed(each.labels) << " SKIP_RETURN_CODE "
            << skip_return_code << ")\n";
        if (forks_often(each)) {
            out << "set_tests_properties(" << bracketed(each.name)
                << " PROPERTIES ENVIRONMENT_MODIFICATION " << without_fake_stacks << ")\n";
        }
    }
    out.close();
    if (out)
        return 0;
    std::cerr << "cannot write " << file << '\n';
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view option = argc > 1 ? argv[1] : "";
    if (option == "--write-ctest" && argc == 5)
        return write_ctest(std::filesystem::absolute(argv[0]), argv[2], argv[3],
                           std::atoi(argv[4]));
    if (option != "--for-ctest")
        return Catch::Session{}.run(argc, argv);

    argv[1] = argv[0];
    // Catch2 returns the number of failures, which may be the code for a skip.
    if (Catch::Session{}.run(argc - 1, argv + 1) != 0)
        return 1;
    // Each in one line, which Catch2's own words are not: for `./dev test`.
    for (const auto& reason : podscope_test::reasons_to_skip)
        std::cout << "podscope: skipped: " << reason << '\n';
    return podscope_test::reasons_to_skip.empty() ? 0 : skip_return_code;
}
