// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/files/beneath.hpp>
#include <podscope/files/spot.hpp>
#include <podscope/fwd.hpp>
#include <podscope/os/descriptor_path.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/pod/denial.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/coverage.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/names_files.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/scope.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::files {

/// Opens, makes, moves and removes files below a folder for a pod, which has to be allowed to at
/// the time of the call. Paths are relative to the folder. A path never leads out of it, by a `..`,
/// a link or a magic link of /proc; links below it are not followed either.
///
/// **What is guaranteed.** Each call opens the folder in which it is to act, asks the kernel where
/// that folder stands, asks the pod about that very place (its allocation, then its scope, as
/// `check` does), and then acts by the open folder: a link that is put anywhere on the path in the
/// meantime has no part in it. What is opened is asked once more where it stands before it is
/// handed out or emptied, so that the descriptor of a file that was moved away while it was opened
/// is not handed out.
///
/// **What is not.** A pod that is revoked between the question and the act acts once more, and a
/// descriptor stays good as long as it is open: only the kernel can refuse that (enforce/). Whoever
/// may rename the folder in which a call acts can carry it elsewhere between the last look and the
/// act, with what is made or removed in it: only the pod itself and those that no scope binds may.
/// A file with a second name (hard link) is asked about by the name that was used.
///
/// The pod has to outlive it, and must not be moved meanwhile. Several threads may use one at once,
/// and in a forked process each call fails, as the pod's do.
template <class Pod, beneath_resolver Resolver = by_kernel_or_walk>
class scoped_files {
public:
    using file_descriptor = os_detail::file_descriptor;

    /// Below a folder, whose own path may lead through links. Any may be named: what may be done
    /// below it is asked at each call. Errors: `io`.
    [[nodiscard]] static result<scoped_files> below(const Pod& pod, const std::string& folder) {
        file_descriptor root{os_detail::uninterrupted(
            [&] { return ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); })};
        if (!root) {
            return fail(refusal("open", folder, errno));
        }
        return scoped_files{pod, std::move(root)};
    }

    /// Opens a file, or a folder to read it, with flags and mode as open(2) has them; always
    /// close-on-exec. It needs read, and write if it is opened for writing, made or emptied. It
    /// waits where open(2) waits, as at a FIFO.
    ///
    /// Errors: `invalid_target` for a path that is absolute, leads out or through a link or a file,
    /// or whose file was moved meanwhile; `denied`, `revoked`, `forked` and those of the backend as
    /// `check` has them; `io` for what else the system refuses, flags that open no file (O_PATH,
    /// O_TMPFILE), and O_TRUNC with O_RDONLY, among it; `out_of_memory`.
    [[nodiscard]] result<file_descriptor>
    open(std::string_view path, int flags, mode_t mode = 0666) const {
        return guarded([&]() -> result<file_descriptor> {
            if ((flags & O_PATH) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
                return fail(refusal("open without a name", path, EINVAL));
            }
            const bool reads = (flags & O_ACCMODE) == O_RDONLY;
            if (reads && (flags & O_TRUNC) != 0) {
                return fail(refusal("empty without writing", path, EINVAL));
            }
            const bool looks = reads && (flags & O_CREAT) == 0;
            auto where = reach(path, looks ? permission::read : permission::write);
            if (!where) {
                return fail(where);
            }
            const int careful = (flags & ~O_TRUNC) | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
            file_descriptor opened{os_detail::uninterrupted(
                [&] { return ::openat(where->folder.get(), where->name.c_str(), careful, mode); })};
            if (!opened) {
                return fail(refusal("open", path, errno));
            }
            if (os_detail::path_of_descriptor(opened.get()) != where->path()) {
                return fail(moved(path));
            }
            if ((flags & O_TRUNC) != 0) {
                if (auto done = empty(opened, path); !done) {
                    return fail(done);
                }
            }
            return opened;
        });
    }

    /// Makes a folder. Errors: as `open`.
    [[nodiscard]] result<void> make_folder(std::string_view path, mode_t mode = 0777) const {
        return at_name(path, [&](const spot& where) {
            return said("make", path, ::mkdirat(where.folder.get(), where.name.c_str(), mode));
        });
    }

    /// Removes a file, a link, or a folder with nothing in it. Errors: as `open`.
    [[nodiscard]] result<void> remove(std::string_view path) const {
        return at_name(path, [&](const spot& where) {
            const int flag = where.is_folder() ? AT_REMOVEDIR : 0;
            return said("remove", path, ::unlinkat(where.folder.get(), where.name.c_str(), flag));
        });
    }

    /// Gives a file or folder another name, as rename(2) does; what had that name before is gone.
    /// It needs write at both names; for a folder at everything below both, so that nothing that is
    /// somebody else's is moved with it. Errors: as `open`.
    [[nodiscard]] result<void> rename(std::string_view from, std::string_view to) const {
        return at_name(from, [&](const spot& source) {
            return at_name(to, [&](const spot& target) -> result<void> {
                if (source.is_folder()) {
                    for (const auto* one : {&source, &target}) {
                        if (auto may = may_move(one->place); !may) {
                            return may;
                        }
                    }
                }
                if (!source.still_stands()) {
                    return fail(moved(from));
                }
                return said("rename", from,
                            ::renameat(source.folder.get(), source.name.c_str(),
                                       target.folder.get(), target.name.c_str()));
            });
        });
    }

private:
    scoped_files(const Pod& pod, file_descriptor root) noexcept
        : pod_{&pod},
          root_{std::move(root)} {}

    // The folder in which a path's last component is to be used, once the pod may do that.
    [[nodiscard]] result<spot> reach(std::string_view path, permission wanted) const {
        auto text = split(path);
        if (!text) {
            return fail(text);
        }
        file_descriptor folder;
        if (const int code = Resolver{}.open(root_.get(), text->folder, folder); code != 0) {
            return fail(refusal("reach", path, code));
        }
        auto where = spot::in(std::move(folder), text->name, path);
        if (!where) {
            return where;
        }
        auto may = this->may(where->place, wanted);
        return may ? std::move(where) : result<spot>{fail(may)};
    }

    // Runs `act(spot)` for writing at a path's last component, which is a name.
    template <class Act>
    [[nodiscard]] result<void> at_name(std::string_view path, Act&& act) const {
        return guarded([&]() -> result<void> {
            auto where = reach(path, permission::write);
            if (!where) {
                return fail(where);
            }
            if (!where->has_name()) {
                return fail(invalid_target(path, "does not end with a name"));
            }
            return where->still_stands() ? act(*where) : result<void>{fail(moved(path))};
        });
    }

    // Not by the path's text, as that would be resolved again, perhaps to another place.
    [[nodiscard]] result<void> may(const resource& place, permission wanted) const {
        return pod_->with_scope([&](const scope& now) {
            return judge(now, lexical_path{}, pod_->name(), place, wanted);
        });
    }

    [[nodiscard]] result<void> may_move(const resource& place) const {
        return pod_->with_scope([&](const scope& now) -> result<void> {
            if (scope_coverage{now}.is_whole_below(place, permission::write)) {
                return {};
            }
            const auto shown = lexical_path{}.display(place);
            return fail({.category = errc::denied,
                         .message = "'" + std::string{pod_->name()} + "' may not move the folder " +
                                    shown + ": not all that is below it is its own to write",
                         .subject = shown});
        });
    }

    [[nodiscard]] static result<void> empty(const file_descriptor& file, std::string_view path) {
        struct stat facts{};
        // As open(2) does it: of nothing but a regular file.
        if (::fstat(file.get(), &facts) == 0 && !S_ISREG(facts.st_mode)) {
            return {};
        }
        return said("empty", path,
                    os_detail::uninterrupted([&] { return ::ftruncate(file.get(), 0); }));
    }

    const Pod* pod_;
    file_descriptor root_;
};

/// Files below a folder for a pod: see scoped_files. Errors: `io`.
template <beneath_resolver Resolver = by_kernel_or_walk, class Parts>
[[nodiscard]] result<scoped_files<basic_pod<Parts>, Resolver>>
files_below(const basic_pod<Parts>& pod, const std::string& folder) {
    static_assert(names_files<std::remove_cvref_t<decltype(std::declval<Parts&>().names)>>,
                  "podscope: only a pod whose targets are paths of files has files; see "
                  "names_files");
    return guarded([&] { return scoped_files<basic_pod<Parts>, Resolver>::below(pod, folder); });
}

} // namespace podscope::files
