// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/system_error.hpp"

#include <podscope/result.hpp>

#include <fstream>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <sys/types.h>
#include <unistd.h>

namespace demo {

/// Where all that the demo stores lies, in memory. Every system has that folder, and an empty one.
inline constexpr const char* own_folder = "/mnt";

/// Puts this process, and all that it starts, into namespaces of its own: a network without any
/// cable, and a tree of files in which `own_folder` is the demo's. They go with the last process
/// that is in them, so that nothing has to be tidied up, however the demo ends.
///
/// Errors: `io` where that is allowed neither to this user nor to him as root of a user namespace.
[[nodiscard]] inline podscope::result<void> enter_private_world() {
    constexpr int own = CLONE_NEWNET | CLONE_NEWNS;
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (::unshare(own) != 0) {
        if (::unshare(own | CLONE_NEWUSER) != 0) {
            return system_said_no("neither networks nor user namespaces can be made here");
        }
        std::ofstream{"/proc/self/setgroups"} << "deny";
        std::ofstream{"/proc/self/uid_map"} << "0 " << user << " 1";
        std::ofstream{"/proc/self/gid_map"} << "0 " << group << " 1";
    }
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", own_folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0) {
        return system_said_no("no file system can be mounted here", own_folder);
    }
    return {};
}

} // namespace demo
