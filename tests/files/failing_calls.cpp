// SPDX-License-Identifier: BSL-1.0
// Each system call by which a pod's files are reached fails once: what was not done is an error,
// and nothing that the scope forbids is ever done.
#include "support/failing_calls.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/files/scoped_files.hpp>
#include <podscope/podscope.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>

using namespace podscope_test;
using namespace podscope;
using podscope::files::by_kernel_or_walk;
using podscope::files::by_walk;
using podscope::files::scoped_files;

namespace {

constexpr int is_sound = 0;
constexpr int is_unexplained = 1;
constexpr int is_not_as_told = 2;
constexpr int is_out_of_scope = 3;

bool is_there(const std::string& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path));
}

} // namespace

TEMPLATE_TEST_CASE(
    "F09 F35 a file is reached as the scope says, or not at all, whatever call fails",
    "[files]",
    by_kernel_or_walk,
    by_walk) {
    PODSCOPE_NEEDS_PTRACE();
    const auto deed = [] {
        const temporary_folder root;
        std::filesystem::create_directories(root / "mine/folder");
        std::filesystem::create_directories(root / "theirs");
        std::ofstream{root / "theirs/file"} << "theirs";
        auto library = make_runtime(use::backend(basic_memory<pod_schema>{}),
                                    use::sessions(memory_sessions{}));
        auto pod = library.create(manifest{"coder"}.may(rules::write(root / "mine")));
        if (!pod) {
            return is_unexplained;
        }
        using files_of_pod = scoped_files<std::remove_cvref_t<decltype(*pod)>, TestType>;
        int code = is_sound;
        const auto said = [&](const auto& given) {
            if (!given && given.error().message.empty()) {
                code = is_unexplained;
            }
            return given.has_value();
        };
        mark_deed();
        auto files = files_of_pod::below(*pod, root.path());
        if (said(files)) {
            const bool made = said(files->open("mine/new", O_WRONLY | O_CREAT | O_TRUNC));
            const bool moved = said(files->rename("mine/new", "mine/folder/new"));
            const bool folder = said(files->make_folder("mine/made"));
            const bool removed = said(files->remove("mine/folder/new"));
            const bool stolen = said(files->open("theirs/file", O_WRONLY | O_TRUNC)) ||
                                said(files->rename("theirs/file", "mine/file")) ||
                                said(files->remove("theirs/file"));
            mark_deed();
            if (stolen || std::filesystem::file_size(root / "theirs/file") == 0) {
                return is_out_of_scope;
            }
            if (folder != is_there(root / "mine/made") ||
                (moved && !removed) != is_there(root / "mine/folder/new") ||
                (made && !moved && !is_there(root / "mine/new"))) {
                return is_not_as_told;
            }
        } else {
            mark_deed();
        }
        return code;
    };
    CHECK(fail_each_call(for_want, deed) > 10);
    (void)fail_each_call(by_signal, deed);
}
