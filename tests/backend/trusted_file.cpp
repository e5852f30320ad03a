// SPDX-License-Identifier: BSL-1.0
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>

#include <filesystem>
#include <string>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using podscope::errc;

using journal = podscope::basic_journal<test_schema>;

constexpr uid_t another_user = 12345;

// A store that was used once, and what its opening says afterwards.
class used_store {
public:
    used_store() {
        auto store = journal::open(path()).value();
        CHECK(put_number(store, "a", 1));
    }

    [[nodiscard]] std::string path() const { return folder_ / "store"; }

    [[nodiscard]] std::string operator/(const char* name) const { return path() + "/" + name; }

    [[nodiscard]] bool is_refused_because(const char* why) const {
        const auto store = journal::open(path());
        REQUIRE_FALSE(store.has_value());
        CHECK_THAT(store.error().message, Catch::Contains(why));
        return store.error().category == errc::unsafe_file &&
               store.error().path.starts_with(path());
    }

private:
    scratch_folder folder_;
};

void make_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)),
                   sizeof address) == 0);
    ::close(fd);
}

} // namespace

TEST_CASE("F16 a folder or file that others may write is refused") {
    const used_store store;
    for (const auto others : {mode_t{S_IWGRP}, mode_t{S_IWOTH}}) {
        for (const auto& each : {store.path(), store / "journal", store / "journal.lock"}) {
            struct stat before{};
            REQUIRE(::stat(each.c_str(), &before) == 0);
            REQUIRE(::chmod(each.c_str(), before.st_mode | others) == 0);
            CHECK(store.is_refused_because("others than its owner"));
            REQUIRE(::chmod(each.c_str(), before.st_mode & 0777U) == 0);
            CHECK(journal::open(store.path()).has_value());
        }
    }
}

TEST_CASE("F16 a folder or file of another user is refused") {
    if (::geteuid() != 0) {
        PODSCOPE_SKIP("only root can give a file away");
    }
    const used_store store;
    for (const auto& each : {store.path(), store / "journal", store / "journal.lock"}) {
        REQUIRE(::chown(each.c_str(), another_user, another_user) == 0);
        CHECK(store.is_refused_because("another user"));
        REQUIRE(::chown(each.c_str(), 0, 0) == 0);
        CHECK(journal::open(store.path()).has_value());
    }
}

TEST_CASE("F16 a symbolic link in the place of a file is refused and not followed") {
    const used_store store;
    const auto* name = GENERATE("journal", "journal.lock");
    const std::string elsewhere = store / "elsewhere";
    SECTION("to the real file") {
        std::filesystem::rename(store / name, elsewhere);
    }
    SECTION("to a file that is not there") {
        std::filesystem::remove(store / name);
    }
    const bool was_there = std::filesystem::exists(elsewhere);
    const auto before = bytes_of(elsewhere);
    std::filesystem::create_symlink(elsewhere, store / name);
    CHECK(store.is_refused_because("symbolic link"));
    CHECK(std::filesystem::exists(elsewhere) == was_there);
    CHECK(bytes_of(elsewhere) == before);
}

TEST_CASE("F16 a symbolic link in the place of the folder is refused however it is written") {
    const scratch_folder folder;
    REQUIRE(journal::open(folder / "store").has_value());
    std::filesystem::create_symlink(folder / "store", folder / "link");
    for (const auto* slashes : {"", "/", "//"}) {
        const auto store = journal::open((folder / "link") + slashes);
        REQUIRE_FALSE(store.has_value());
        CHECK(store.error().category == errc::unsafe_file);
    }
}

TEST_CASE("F16 what is no regular file is refused without waiting for it") {
    const used_store store;
    const auto* name = GENERATE("journal", "journal.lock");
    std::filesystem::remove(store / name);
    SECTION("a FIFO") {
        REQUIRE(::mkfifo((store / name).c_str(), 0600) == 0);
    }
    SECTION("a folder") {
        std::filesystem::create_directory(store / name);
        std::filesystem::permissions(store / name, std::filesystem::perms::owner_all);
    }
    SECTION("a socket") {
        make_socket(store / name);
    }
    CHECK(store.is_refused_because("not a regular file"));
}

TEST_CASE("F16 a file in the place of the folder is refused") {
    const scratch_folder folder;
    set_bytes(folder / "store", "a file");
    const auto store = journal::open(folder / "store");
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().category == errc::unsafe_file);
}

TEST_CASE(
    "F16 what stands in the place of a compaction's new file is taken away and not followed") {
    const used_store store;
    set_bytes(store / "elsewhere", "keep me");
    std::filesystem::create_symlink(store / "elsewhere", store / "journal.new");
    auto opened = journal::open(store.path(), {.compact_above = 0, .compact_factor = 0}).value();
    std::filesystem::create_symlink(store / "elsewhere", store / "journal.new");
    REQUIRE(put_number(opened, "a", 2));
    CHECK(bytes_of(store / "elsewhere") == "keep me");
    CHECK_FALSE(std::filesystem::is_symlink(store / "journal.new"));
    CHECK_FALSE(std::filesystem::is_symlink(store / "journal"));
}

TEST_CASE("F16 a journal that is made unsafe while it is open is refused when it is opened again") {
    const used_store store;
    auto one = journal::open(store.path()).value();
    auto two = journal::open(store.path(), {.compact_above = 0, .compact_factor = 0}).value();
    REQUIRE(put_number(two, "a", 2));
    REQUIRE(::chmod((store / "journal").c_str(), 0666) == 0);
    const auto read = value_of(one, "a");
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().category == errc::unsafe_file);
}

TEST_CASE("F16 what belongs to the user himself is his, whoever he is") {
    if (::geteuid() != 0) {
        PODSCOPE_SKIP("another user needs root");
    }
    const used_store made;
    const std::string file = made / "journal";
    for (const auto& each : {made.path(), file, made / "journal.lock"}) {
        REQUIRE(::chown(each.c_str(), another_user, another_user) == 0);
    }
    CHECK(made.is_refused_because("belongs to another user"));
    REQUIRE(::chmod(std::filesystem::path{made.path()}.parent_path().c_str(), 0755) == 0);
    other_process child{[&](const auto&) {
        if (::seteuid(another_user) != 0) {
            return 1;
        }
        auto store = journal::open(made.path());
        return store && put_number(*store, "a", 2) ? 0 : 2;
    }};
    CHECK(child.exit_code() == 0);
}
