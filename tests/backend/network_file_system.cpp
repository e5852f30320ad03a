// SPDX-License-Identifier: BSL-1.0
// What a store says of a folder by the file system that it lies on.
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/result.hpp>
#include <podscope/session/file.hpp>
#if __has_include(<lmdb.h>)
#include <podscope/backend/lmdb.hpp>
#endif
#if __has_include(<sqlite3.h>)
#include <podscope/backend/sqlite.hpp>
#endif

#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace backend_test;
using podscope::durability;
using podscope::errc;

// `open(path, trust)` opens a store, and trusts a network file system or does not.
template <class Open>
void check_network_file_systems(Open open) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const auto refusal = [&] {
        const auto opened = open(path, false);
        return opened ? podscope::error{.message = "opened"} : opened.error();
    };
    for (const auto& [magic, name] : {std::pair{0x00006969U, "NFS"},
                                      {0xFF534D42U, "CIFS"},
                                      {0x65735546U, "FUSE"},
                                      {0xBACBACBCU, "VMware's shared folders"}}) {
        const file_system_seen everywhere{magic};
        const auto refused = refusal();
        CHECK(refused.category == errc::unsafe_file);
        CHECK(refused.path == path);
        CHECK_THAT(refused.message, Catch::Contains(std::string{"it lies on "} + name));
        CHECK_THAT(refused.message, Catch::Contains("trust_network_file_system"));
        CHECK(open(path, true).has_value());
    }
    {
        constexpr unsigned xfs = 0x58465342U;
        const file_system_seen everywhere{xfs};
        CHECK(open(path, false).has_value());
    }
    {
        const file_system_seen none{file_system_seen::cannot_be_told};
        CHECK(refusal().system == std::errc::io_error);
        CHECK(open(path, true).has_value());
    }
    CHECK(open(path, false).has_value());
}

} // namespace

TEST_CASE("F55 a journal on a network file system is refused unless that is trusted") {
    check_network_file_systems([](const std::string& path, bool trust) {
        return podscope::basic_journal<test_schema>::open(path,
                                                          {.trust_network_file_system = trust});
    });
}

TEST_CASE("F55 session segments on a network file system are refused unless that is trusted") {
    check_network_file_systems([](const std::string& path, bool trust) {
        return podscope::file_sessions::open(path, {.trust_network_file_system = trust});
    });
}

#if __has_include(<sqlite3.h>)
TEST_CASE("F55 an SQLite database on a network file system is refused unless that is trusted") {
    check_network_file_systems([](const std::string& path, bool trust) {
        return podscope::open_sqlite_store<durability::process>(
            path, {.trust_network_file_system = trust});
    });
}
#endif

#if __has_include(<lmdb.h>)
TEST_CASE("F55 an LMDB database on a network file system is refused unless that is trusted") {
    check_network_file_systems([](const std::string& path, bool trust) {
        return podscope::open_lmdb_store<durability::process>(path,
                                                              {.trust_network_file_system = trust});
    });
}
#endif
