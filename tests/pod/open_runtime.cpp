// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/pod/manifest.hpp>
#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/sink/null.hpp>

#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>

using namespace podscope;
using podscope_test::must;
using podscope_test::why_not;

TEST_CASE("a runtime is what open_runtime opens where nothing is named", "[pod]") {
    const podscope_test::temporary_folder folder;
    auto opened = must(open_runtime(folder / "store"));
    CHECK(std::is_same_v<decltype(opened), runtime>);
    const auto plain = must(open_runtime(folder / "store", use::sink(null_sink{})));
    CHECK_FALSE(std::is_same_v<decltype(plain), const runtime>);

    const std::string place = folder / "tree";
    runtime::pod pod = must(opened.create(manifest{"planner"}.may(rules::write(place))));
    CHECK(pod.check(place + "/file", permission::write));
    CHECK(must(plain.find("planner"))->granted == pod.granted());
}

TEST_CASE("a runtime's folder is made also where only its sessions lie in it", "[pod]") {
    const podscope_test::temporary_folder folder;
    const std::string path = folder / "store";
    auto elsewhere = must(journal_backend::open(folder / "registry"));
    auto opened = must(open_runtime(path, use::backend(elsewhere)));
    (void)must(opened.create(manifest{"planner"}.may(rules::write(folder / "tree"))));
    CHECK(std::filesystem::is_directory(path + "/sessions"));
    std::filesystem::permissions(path, std::filesystem::perms::all);
    CHECK(why_not(open_runtime(path, use::backend(elsewhere))) == errc::unsafe_file);
}

TEST_CASE("a folder that others may write is no place for a runtime", "[pod]") {
    const podscope_test::temporary_folder folder;
    const std::string path = folder / "store";
    (void)must(open_runtime(path));
    std::filesystem::permissions(path, std::filesystem::perms::all);
    CHECK(why_not(open_runtime(path)) == errc::unsafe_file);
}
