// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/os/file_descriptor.hpp>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

using podscope::os_detail::file_descriptor;
using podscope::os_detail::uninterrupted;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

} // namespace

TEST_CASE("A descriptor is closed once by its last owner", "[os]") {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        file_descriptor one{fd};
        file_descriptor other{std::move(one)};
        REQUIRE(is_open(fd));
        file_descriptor third;
        third = std::move(other);
        REQUIRE(is_open(fd));
        REQUIRE(third.get() == fd);
    }
    REQUIRE_FALSE(is_open(fd));
    const int kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(file_descriptor{kept}.release() == kept);
    REQUIRE(is_open(kept));
    ::close(kept);
}

TEST_CASE("A system call that signals cut short is made again", "[os]") {
    int calls = 0;
    REQUIRE(uninterrupted([&] {
                errno = EINTR;
                return ++calls < 4 ? -1 : 7;
            }) == 7);
    REQUIRE(calls == 4);
    REQUIRE(uninterrupted([&] {
                ++calls;
                errno = EIO;
                return -1;
            }) == -1);
    REQUIRE(calls == 5);
}
