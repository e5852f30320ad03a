// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace podscope::enforce {

/// What a confined process needs beside its scope, as paths: of folders with all below them, and of
/// files. Links are followed, and what is not there, or not to be reached, is left out.
///
///     surroundings::of_programs().may_read("/opt/toolchain").may_write("/dev/tty")
struct surroundings {
    std::vector<std::string> read{};
    std::vector<std::string> write{};

    surroundings& may_read(std::string path) & {
        read.push_back(std::move(path));
        return *this;
    }

    surroundings& may_write(std::string path) & {
        write.push_back(std::move(path));
        return *this;
    }

    surroundings&& may_read(std::string path) && { return std::move(may_read(std::move(path))); }

    surroundings&& may_write(std::string path) && { return std::move(may_write(std::move(path))); }

    /// What programs as `sh` and those that it starts need to run: the folders of programs and
    /// their libraries, what the loader and the C library look up in /etc, and the devices that
    /// hold nothing. No home folder, no temporary folder, nothing else of /etc, no /proc.
    [[nodiscard]] static surroundings of_programs() {
        return {.read = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
                         "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime",
                         "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/dev/urandom",
                         "/dev/random", "/dev/zero"},
                .write = {"/dev/null"}};
    }

    friend bool operator==(const surroundings&, const surroundings&) = default;
};

} // namespace podscope::enforce
