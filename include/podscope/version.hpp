// SPDX-License-Identifier: BSL-1.0
#pragma once

#define PODSCOPE_VERSION_MAJOR 0
#define PODSCOPE_VERSION_MINOR 1
#define PODSCOPE_VERSION_PATCH 0

namespace podscope {

/// The library's version, by the rules of semantic versioning.
struct version {
    int major;
    int minor;
    int patch;
};

inline constexpr version library_version{PODSCOPE_VERSION_MAJOR, PODSCOPE_VERSION_MINOR,
                                         PODSCOPE_VERSION_PATCH};

} // namespace podscope
