// SPDX-License-Identifier: BSL-1.0
// Runs a command that nobody trusts, by `sh -c`, in a part of a workspace that is delegated to it;
// the kernel refuses it to write anywhere else.
//
//     confined_command ['COMMAND']
//
// The command starts in its part, may read the rest of the workspace, and gets no way to the
// runtime that its pod is kept in. Where the kernel has no Landlock it is run all the same, as the
// policy `advisory` says, and that is printed.
#include "shared/temporary_folder.hpp"

#include <podscope/enforce/confine.hpp>
#include <podscope/podscope.hpp>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace podscope;

// Tries to write where it may and where it may not, in several ways.
constexpr const char* naughty_command = R"(
    echo "built" > result                              && echo "  wrote result"
    { echo "changed" > ../others/file; } 2>/dev/null   && echo "  wrote ../others/file"
    { rm ../others/file; } 2>/dev/null                 && echo "  removed ../others/file"
    { mv ../others/file stolen; } 2>/dev/null          && echo "  moved ../others/file"
    { ln -s ../others out; echo x > out/new; } 2>/dev/null && echo "  wrote through a link"
    cat ../others/file > /dev/null                     && echo "  read ../others/file"
    true
)";

// As the child: adopts the part, confines itself to it, and becomes the command. Its pod lives as
// long as the process does, whatever it executes.
int become(const std::string& command,
           const grant& granted,
           const std::string& state,
           const std::string& folder) {
    auto world = open_runtime(state);
    if (!world) {
        std::cerr << to_string(world.error()) << '\n';
        return 125;
    }
    const auto pod = world->adopt(granted);
    if (!pod) {
        std::cerr << to_string(pod.error()) << '\n';
        return 125;
    }
    const auto report = enforce::confine_self<enforce::advisory>(*pod);
    if (!report) {
        std::cerr << to_string(report.error()) << '\n';
        return 125;
    }
    std::cout << (report->is_advisory() ? "ADVISORY: the kernel does not hold the command back\n"
                                        : "the kernel holds the command back\n");
    for (const auto what : report->limits) {
        std::cout << "  but: " << to_string(what) << '\n';
    }
    for (const auto& one : report->gaps) {
        std::cout << "  but: " << to_string(one) << '\n';
    }
    std::cout << "it says:\n" << std::flush;
    if (::chdir(folder.c_str()) == 0) {
        ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    }
    return 126;
}

int run(const std::string& command, const std::string& root) {
    std::filesystem::create_directories(root + "/ws/part");
    std::filesystem::create_directories(root + "/ws/others");
    std::ofstream{root + "/ws/others/file"} << "precious\n";

    auto world = open_runtime(root + "/state").value();
    auto planner = world.create(manifest{"planner"}.may(rules::write(root + "/ws"))).value();
    const auto granted = planner
                             .delegate(manifest{"command"}
                                           .may(rules::write(root + "/ws/part"))
                                           .may(rules::read(root + "/ws")))
                             .value();
    const auto child = ::fork();
    if (child < 0) {
        throw std::runtime_error{"no process"};
    }
    if (child == 0) {
        ::_exit(become(command, granted, root + "/state", root + "/ws/part"));
    }
    int status{};
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    const auto ended = planner.reconcile().value().ended.size(); // the part comes back

    std::string left;
    std::getline(std::ifstream{root + "/ws/others/file"}, left);
    const bool is_untouched =
        left == "precious" && !std::filesystem::exists(root + "/ws/others/new");
    const bool is_confined = enforce::landlock::abi() >= enforce::landlock::abi_of_truncate;
    std::cout << "it ended with " << (WIFEXITED(status) ? WEXITSTATUS(status) : -1)
              << ", delegations that came back: " << ended << '\n'
              << "the others' file is " << (is_untouched ? "as it was" : "not as it was") << '\n';
    planner.release().value();
    return ended == 1 && (is_untouched || !is_confined) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    try {
        const demo::temporary_folder root{"confined"};
        return run(argc > 1 ? argv[1] : naughty_command, root.path());
    } catch (const std::exception& thrown) {
        std::cerr << thrown.what() << '\n';
        return 2;
    }
}
