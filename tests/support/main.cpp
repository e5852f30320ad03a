// SPDX-License-Identifier: BSL-1.0
// Catch2's main, with two options in front of Catch2's own. `--write-ctest`
// writes the executable's test cases as a ctest script: Catch2's discovery goes
// through a CMake list of names, which brackets and semicolons break, and it
// forgets the tags. `--for-ctest` runs one test case and tells ctest whether it
// was skipped.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

#if PODSCOPE_CATCH_MAJOR >= 3
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/interfaces/catch_interfaces_registry_hub.hpp>
#include <catch2/interfaces/catch_interfaces_testcase.hpp>
#endif

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

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

int write_ctest(const std::filesystem::path& executable,
                const char* file,
                std::string_view folder,
                std::string_view seconds) {
    std::ofstream out{file};
    for (const auto& test : Catch::getRegistryHub().getTestCaseRegistry().getAllTests()) {
        const auto& info = test.getTestCaseInfo();
        if (info.isHidden())
            continue;

        std::string labels{folder};
        std::string limit{seconds};
        for (const auto& each : info.tags) {
            const std::string tag = text_of(each);
            if (tag.starts_with('!') || tag.starts_with('@') || tag == folder)
                continue;
            labels.append(";").append(tag);
            if (tag == "slow")
                limit += '0';
        }

        out << "add_test(" << bracketed(info.name) << ' ' << bracketed(executable.string())
            << " --for-ctest " << bracketed(specification(info.name)) << fail_without_match << ")\n"
            << "set_tests_properties(" << bracketed(info.name) << " PROPERTIES TIMEOUT " << limit
            << " LABELS " << bracketed(labels) << " SKIP_RETURN_CODE " << skip_return_code << ")\n";
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
        return write_ctest(std::filesystem::absolute(argv[0]), argv[2], argv[3], argv[4]);
    if (option != "--for-ctest")
        return Catch::Session{}.run(argc, argv);

    argv[1] = argv[0];
    // Catch2 returns the number of failures, which may be the code for a skip.
    if (Catch::Session{}.run(argc - 1, argv + 1) != 0)
        return 1;
    return podscope_test::skipped ? skip_return_code : 0;
}
