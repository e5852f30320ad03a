// SPDX-License-Identifier: BSL-1.0
#include "session/stores.hpp"

#include <podscope/session/file.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr uid_t somebody_else = 65'533;

thread_local bool hides_types = false;

} // namespace

// The C library's name, which a program may define itself: what is compiled into this one calls it.
extern "C" ::dirent* readdir(::DIR* folder) {
    static const auto real = reinterpret_cast<::dirent* (*)(::DIR*)>(::dlsym(RTLD_NEXT, "readdir"));
    ::dirent* const entry = real(folder);
    if (hides_types && entry != nullptr) {
        entry->d_type = DT_UNKNOWN;
    }
    return entry;
}

namespace {

::mode_t mode_of(const std::string& path) {
    struct stat facts{};
    REQUIRE(::lstat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

/// Lets new files have every right that they ask for.
class no_umask {
public:
    no_umask() noexcept : before_{::umask(0)} {}

    no_umask(const no_umask&) = delete;
    no_umask& operator=(const no_umask&) = delete;

    ~no_umask() { ::umask(before_); }

private:
    ::mode_t before_;
};

/// A store with one segment of one entry, and something else put into the place of its file.
struct replaced {
    replaced()
        : sessions{value_of(file_sessions::open(root / "sessions"))},
          id{value_of(sessions.create({}))},
          path{root / ("sessions/" + id + ".jsonl")} {
        value_of(sessions.append(id, {"k", "b"}));
    }

    void refused(errc category) {
        for (const auto& found : {error_of(sessions.append(id, {"k", "b"})),
                                  error_of(sessions.info(id)), error_of(read_all(sessions, id))}) {
            REQUIRE(found.category == category);
            if (category == errc::unsafe_file)
                REQUIRE(found.path == path);
        }
    }

    temporary_folder root;
    file_sessions sessions;
    std::string id;
    std::string path;
};

} // namespace

TEST_CASE("F16 folder and files are made for their owner alone", "[session]") {
    const no_umask off;
    temporary_folder root;
    auto sessions = value_of(file_sessions::open(root / "sessions"));
    const auto id = value_of(sessions.create({}));
    REQUIRE(mode_of(root / "sessions") == 0700);
    REQUIRE(mode_of(root / ("sessions/" + id + ".jsonl")) == 0600);
}

TEST_CASE("F16 a file that others may write is refused", "[session]") {
    for (const ::mode_t mode : {0620U, 0602U, 0666U}) {
        replaced made;
        REQUIRE(::chmod(made.path.c_str(), mode) == 0);
        made.refused(errc::unsafe_file);
        REQUIRE(::chmod(made.path.c_str(), 0644) == 0);
        REQUIRE(value_of(made.sessions.append(made.id, {"k", "b"})) == 1);
    }
}

TEST_CASE("F16 a file of another owner is refused", "[session]") {
    if (::geteuid() != 0)
        PODSCOPE_SKIP("only root can give a file away");
    replaced made;
    REQUIRE(::chown(made.path.c_str(), somebody_else, somebody_else) == 0);
    made.refused(errc::unsafe_file);
}

TEST_CASE("F16 a symlink in the place of a file is refused", "[session]") {
    replaced made;
    const auto moved = made.root / "moved";
    std::filesystem::rename(made.path, moved);
    const auto before = contents(moved);
    std::filesystem::create_symlink(moved, made.path);
    made.refused(errc::unsafe_file);
    REQUIRE(contents(moved) == before);
    std::filesystem::remove(made.path);
    std::filesystem::create_symlink(made.root / "nowhere", made.path);
    made.refused(errc::unsafe_file);
    REQUIRE_FALSE(std::filesystem::exists(made.root / "nowhere"));
}

TEST_CASE("F16 a FIFO or a socket in the place of a file is refused without waiting", "[session]") {
    replaced made;
    std::filesystem::remove(made.path);
    REQUIRE(::mkfifo(made.path.c_str(), 0600) == 0);
    made.refused(errc::unsafe_file);
    std::filesystem::remove(made.path);

    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(made.path.size() < sizeof address.sun_path);
    made.path.copy(address.sun_path, made.path.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int bound = ::bind(socket, reinterpret_cast<const ::sockaddr*>(&address), sizeof address);
    ::close(socket);
    REQUIRE(bound == 0);
    made.refused(errc::unsafe_file);
    REQUIRE(value_of(made.sessions.list()).empty());
}

TEST_CASE("F40 a folder in the place of a segment is an unknown segment", "[session]") {
    replaced made;
    std::filesystem::remove(made.path);
    std::filesystem::create_directory(made.path);
    made.refused(errc::unknown_segment);
    REQUIRE(value_of(made.sessions.list()).empty());
}

TEST_CASE("F16 a folder that others may write is refused", "[session]") {
    for (const ::mode_t mode : {0720U, 0702U, 0777U, 01777U}) {
        temporary_folder root;
        value_of(file_sessions::open(root / "sessions"));
        REQUIRE(::chmod((root / "sessions").c_str(), mode) == 0);
        const auto found = error_of(file_sessions::open(root / "sessions"));
        REQUIRE(found.category == errc::unsafe_file);
        REQUIRE(found.path == root / "sessions");
        REQUIRE(::chmod((root / "sessions").c_str(), 0755) == 0);
        value_of(file_sessions::open(root / "sessions"));
    }
}

TEST_CASE("F16 a folder of another owner is refused", "[session]") {
    if (::geteuid() != 0)
        PODSCOPE_SKIP("only root can give a folder away");
    temporary_folder root;
    value_of(file_sessions::open(root / "sessions"));
    REQUIRE(::chown((root / "sessions").c_str(), somebody_else, somebody_else) == 0);
    REQUIRE(error_of(file_sessions::open(root / "sessions")).category == errc::unsafe_file);
}

TEST_CASE("F16 what is no folder in the folder's place is refused", "[session]") {
    temporary_folder root;
    const auto refused = [&](const std::string& path) {
        const auto found = error_of(file_sessions::open(path));
        CAPTURE(path, to_string(found));
        REQUIRE(found.category == errc::unsafe_file);
    };
    value_of(file_sessions::open(root / "real"));
    std::filesystem::create_directory_symlink(root / "real", root / "link");
    refused(root / "link");
    refused(root / "link/");
    refused(root / "link///");
    std::filesystem::create_directory_symlink(root / "nowhere", root / "dangling");
    refused(root / "dangling");
    overwrite(root / "file", "text");
    refused(root / "file");
    REQUIRE(::mkfifo((root / "fifo").c_str(), 0600) == 0);
    refused(root / "fifo");
}

TEST_CASE("F35 a folder whose path cannot be used is a clear error", "[session]") {
    temporary_folder root;
    REQUIRE(error_of(file_sessions::open("")).category == errc::invalid_target);
    REQUIRE(error_of(file_sessions::open((root / "a") + '\0' + "b")).category ==
            errc::invalid_target);
    const auto found = error_of(file_sessions::open(root / "missing/sessions"));
    REQUIRE(found.category == errc::io);
    REQUIRE(found.system == std::errc::no_such_file_or_directory);
    REQUIRE(std::filesystem::is_empty(root.path()));
}

TEST_CASE("The folder stays the same when its path leads elsewhere later", "[session]") {
    replaced made;
    std::filesystem::rename(made.root / "sessions", made.root / "moved");
    std::filesystem::create_directory(made.root / "sessions");
    REQUIRE(value_of(made.sessions.append(made.id, {"k", "b"})) == 1);
    REQUIRE(value_of(made.sessions.list()) == std::vector{made.id});
    REQUIRE(std::filesystem::is_empty(made.root / "sessions"));
}

TEST_CASE("Files that bear no id are not listed", "[session]") {
    replaced made;
    for (const auto& name :
         {made.id, made.id + ".json", made.id + ".jsonl~", "x" + made.id + ".jsonl",
          std::string(32, 'F') + ".jsonl", std::string(32, 'g') + ".jsonl",
          std::string{"notes.txt"}, std::string{".jsonl"}})
        overwrite(made.root / ("sessions/" + name), "text");
    std::filesystem::create_symlink(made.path,
                                    made.root / ("sessions/" + std::string(32, '0') + ".jsonl"));
    REQUIRE(value_of(made.sessions.list()) == std::vector{made.id});
}

TEST_CASE("Segments are told from folders and links where a listing has no types", "[session]") {
    replaced made;
    std::filesystem::create_directory(made.root / ("sessions/" + std::string(32, '1') + ".jsonl"));
    std::filesystem::create_symlink(made.path,
                                    made.root / ("sessions/" + std::string(32, '0') + ".jsonl"));
    hides_types = true;
    const auto listed = made.sessions.list();
    hides_types = false;
    REQUIRE(listed == std::vector{made.id});
}
