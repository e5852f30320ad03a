// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/scarce_memory.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/files/beneath.hpp>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>

#include <fcntl.h>

using namespace podscope_test;
using podscope::os_detail::file_descriptor;

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW

TEST_CASE("F15 a walk for which memory runs out says so and leads nowhere", "[files]") {
    const temporary_folder root;
    // Components of which each is an allocation.
    const std::string path = std::string(100, 'a') + "/" + std::string(100, 'b');
    std::filesystem::create_directories(root / path);
    const file_descriptor top{::open(root.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        file_descriptor folder;
        const int code = [&] {
            const scarcity now{room};
            return podscope::files::by_walk{}.open(top.get(), path, folder);
        }();
        REQUIRE((code == 0 || code == ENOMEM));
        REQUIRE(static_cast<bool>(folder) == (code == 0));
        return code == 0;
    });
    CHECK(failures > 2);
}

#endif
