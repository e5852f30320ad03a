// SPDX-License-Identifier: BSL-1.0
#include "backend/scratch_folder.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

#include <podscope/backend/file.hpp>
#include <podscope/backend/private_descriptor.hpp>
#include <podscope/result.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using podscope::backend_detail::file_descriptor;
using podscope::backend_detail::private_descriptor;

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

} // namespace

TEST_CASE("F54 a copy that is forked while a private descriptor is opened does not have it",
          "[concurrent]") {
    const backend_test::scratch_folder folder;
    const std::string path = folder / "file";
    REQUIRE(private_descriptor::guard_forks());
    private_descriptor opened;
    std::atomic<pid_t> copy{0};
    std::thread forking;
    std::atomic<int> fd{-1};
    const auto done = opened.open([&]() -> podscope::result<file_descriptor> {
        file_descriptor made{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
        fd = made.get();
        forking = std::thread{[&] {
            const pid_t child = ::fork();
            if (child == 0) {
                ::_exit(is_open(fd) ? 1 : 0);
            }
            copy = child;
        }};
        // It gets as far as it can.
        (void)podscope_test::eventually([&] { return copy != 0; }, std::chrono::milliseconds{50});
        return made;
    });
    forking.join();
    REQUIRE(done.has_value());
    CHECK(is_open(opened.get()));
    CHECK(opened.get() == fd);
    int status{};
    REQUIRE(::waitpid(copy, &status, 0) == copy);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
