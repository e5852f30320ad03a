// SPDX-License-Identifier: BSL-1.0
#include "session/stores.hpp"
#include "session/telling_child.hpp"

#include <podscope/session/file.hpp>
#include <podscope/session/posix_file.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

/// A segment, and a child that holds the lock of its file as if in the middle of an append.
struct locked {
    explicit locked(std::chrono::milliseconds patience)
        : sessions{value_of(file_sessions::open(root / "sessions", {.lock_wait = patience}))},
          id{value_of(sessions.create({}))},
          holder{[path = root / ("sessions/" + id + ".jsonl")](telling_child::line parent) {
              const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
              if (::flock(fd, LOCK_EX) != 0)
                  return 1;
              parent.tell(1);
              for (;;)
                  ::pause();
          }} {
        REQUIRE(holder.next() == 1U);
    }

    temporary_folder root;
    file_sessions sessions;
    std::string id;
    telling_child holder;
};

} // namespace

TEST_CASE("F08 an append says timeout while another process stands in the middle of one",
          "[session]") {
    locked made{std::chrono::milliseconds{30}};
    made.holder.stop();
    const auto found = error_of(made.sessions.append(made.id, {"k", "b"}));
    REQUIRE(found.category == errc::timeout);
    REQUIRE(found.path == made.root / ("sessions/" + made.id + ".jsonl"));
    REQUIRE(value_of(made.sessions.info(made.id)).entries == 0);
    REQUIRE(value_of(read_all(made.sessions, made.id)).empty());
    made.holder.kill();
    REQUIRE(value_of(made.sessions.append(made.id, {"k", "b"})) == 0);
}

TEST_CASE("F07 an append goes on when the process in the middle of one is killed",
          "[session][concurrent]") {
    locked made{std::chrono::milliseconds::max()};
    result<std::uint64_t> index;
    std::thread appends{[&] { index = made.sessions.append(made.id, {"k", "b"}); }};
    made.holder.kill();
    appends.join();
    REQUIRE(value_of(std::move(index)) == 0);
}

TEST_CASE("A lock is given back also to a fork that still has the descriptor", "[session]") {
    temporary_folder root;
    const auto path = root / "file";
    overwrite(path, "");
    const session_detail::file_descriptor one{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    const session_detail::file_descriptor other{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    auto held = session_detail::lock_to_append(one.get(), {}, path);
    REQUIRE(held);
    telling_child fork{[](telling_child::line parent) -> int {
        parent.tell(1);
        for (;;)
            ::pause();
    }};
    REQUIRE(fork.next() == 1U);
    REQUIRE(error_of(session_detail::lock_to_append(other.get(), {}, path)).category ==
            errc::timeout);
    { const auto gone = std::move(held); }
    REQUIRE(session_detail::lock_to_append(other.get(), {}, path));
}
