// SPDX-License-Identifier: BSL-1.0
#include <podscope/podscope.hpp>
#ifdef WITH_TOML
#include <podscope/pod/manifest_toml.hpp>
#endif

#include <cstdio>

int main() {
    std::printf("podscope %d.%d.%d\n", podscope::library_version.major,
                podscope::library_version.minor, podscope::library_version.patch);
}
