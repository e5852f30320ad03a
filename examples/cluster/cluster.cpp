// SPDX-License-Identifier: BSL-1.0
// A planner and who works for it, on three hosts with an etcd of three members. One host is cut
// off, and comes back. The hosts are networks that the program makes for itself; it needs etcd and
// iproute2, and to be root or allowed to be that in a user namespace.
#include "narrator.hpp"
#include "network.hpp"
#include "private_world.hpp"
#include "story.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

constexpr int all_holds = 0;
constexpr int something_failed = 1;
constexpr int not_possible = 3; // for ctest: skipped

bool is_installed(const std::string& program) {
    return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

int tell() {
    for (const auto* needed : {"etcd", "ip"}) {
        if (!is_installed(needed)) {
            std::fprintf(stderr, "cluster: cannot be shown here: '%s' is not installed\n", needed);
            return not_possible;
        }
    }
    if (auto entered = demo::enter_private_world(); !entered) {
        std::fprintf(stderr, "cluster: cannot be shown here: %s\n",
                     to_string(entered.error()).c_str());
        return not_possible;
    }
    demo::need(demo::network::make());
    demo::narrator told_by;
    return demo::story{told_by}.tell() ? all_holds : something_failed;
}

} // namespace

int main() {
    try {
        // Where a user who is not root has none of it on his path.
        const char* const path = std::getenv("PATH");
        ::setenv("PATH", (std::string{path != nullptr ? path : ""} + ":/usr/sbin:/sbin").c_str(),
                 1);
        return tell();
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "cluster: %s\n", thrown.what());
        return something_failed;
    }
}
