// SPDX-License-Identifier: BSL-1.0
#include "backend/scratch_folder.hpp"
#include "support/catch.hpp"

#include <podscope/backend/file.hpp>
#include <podscope/backend/shared_page.hpp>

#include <string>

#include <fcntl.h>

namespace {

using backend_test::bytes_of;
using backend_test::scratch_folder;
using backend_test::set_bytes;
using namespace podscope::backend_detail;

file_descriptor open_file(const std::string& path) {
    file_descriptor file;
    REQUIRE(open_at(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT, file) == 0);
    return file;
}

} // namespace

TEST_CASE("all who map a page see its generation move and what is published") {
    const scratch_folder folder;
    const auto file = open_file(folder / "page");
    auto one = shared_page::open(file.get(), "page").value();
    auto two = shared_page::open(open_file(folder / "page").get(), "page").value();
    const auto before = two.generation();
    one.publish({7, 100});
    CHECK(two.generation() != before);
    CHECK(two.generation() == one.generation());
    CHECK(two.published() == published_end{7, 100});

    const auto then = two.generation();
    one.move_to({8, 64});
    CHECK(two.generation() == then);
    CHECK(two.published() == published_end{8, 64});
    one.set_holder(17);
    CHECK(two.holder() == 17);
}

TEST_CASE("a page takes all of its room when it is made") {
    const scratch_folder folder;
    const auto file = open_file(folder / "page");
    (void)shared_page::open(file.get(), "page").value();
    struct stat status{};
    REQUIRE(status_of(file.get(), status) == 0);
    CHECK(status.st_size == 4096);
    CHECK(status.st_blocks * 512 >= 4096);
}

TEST_CASE("a page that holds something else is made anew under another generation") {
    const scratch_folder folder;
    for (const auto& content : {std::string(4096, '\xFF'), std::string(10, 'x'), std::string{}}) {
        set_bytes(folder / "page", content);
        auto page = shared_page::open(open_file(folder / "page").get(), "page").value();
        CHECK(page.generation() != 0xFFFFFFFFFFFFFFFFU);
        CHECK(page.published() == published_end{});
        page.publish({1, 2});
        const auto again = shared_page::open(open_file(folder / "page").get(), "page").value();
        CHECK(again.published() == published_end{1, 2});
        CHECK(again.generation() == page.generation());
    }
}

TEST_CASE("a page of a newer version is refused and not touched") {
    const scratch_folder folder;
    (void)shared_page::open(open_file(folder / "page").get(), "page").value();
    std::string newer = bytes_of(folder / "page");
    newer[16] = '\3';
    set_bytes(folder / "page", newer);
    const auto page = shared_page::open(open_file(folder / "page").get(), "page");
    REQUIRE_FALSE(page.has_value());
    CHECK(page.error().category == podscope::errc::unsupported_version);
    CHECK(bytes_of(folder / "page") == newer);
}

TEST_CASE("a page of an older version is made anew under another generation") {
    const scratch_folder folder;
    auto page = shared_page::open(open_file(folder / "page").get(), "page").value();
    page.publish({7, 100});
    std::string older = bytes_of(folder / "page");
    older[16] = '\1';
    set_bytes(folder / "page", older);
    const auto before = page.generation();
    const auto again = shared_page::open(open_file(folder / "page").get(), "page").value();
    CHECK(again.published() == published_end{});
    CHECK(again.generation() != before);
    CHECK(bytes_of(folder / "page").substr(16, 1) == "\2");
}
