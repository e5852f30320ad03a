// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/os/folder_entry.hpp>
#include <podscope/os/network_file_system.hpp>
#include <podscope/result.hpp>
#include <podscope/session/checks.hpp>
#include <podscope/session/file_options.hpp>
#include <podscope/session/posix_file.hpp>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::session_detail {

inline constexpr std::string_view segment_suffix = ".jsonl";

/// An open segment file, checked.
struct open_segment {
    file_descriptor file{};
    std::string path{};  ///< for errors
    struct stat facts{}; ///< as they were when it was opened
};

/// The folder in which the segments lie. Everything is opened relative to it, so that it stays the
/// same folder when its path later leads elsewhere.
class segment_folder {
public:
    /// Opens the folder, and makes it first if only it and not its parent is missing.
    [[nodiscard]] static result<segment_folder> open(std::string path,
                                                     const file_session_options& options) {
        // With a slash at the end the system would follow a symlink, against O_NOFOLLOW.
        while (path.size() > 1 && path.ends_with('/')) {
            path.pop_back();
        }
        if (path.empty() || path.find('\0') != std::string::npos) {
            return fail({.category = errc::invalid_target,
                         .message = "the path of the session folder is empty or holds a NUL byte",
                         .path = std::move(path)});
        }
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
            return system_failure("the session folder cannot be made", path);
        }
        file_descriptor folder{uninterrupted(
            [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); })};
        if (!folder && (errno == ENOTDIR || errno == ELOOP)) {
            return unsafe("the session folder must be a folder, and no symlink to one", path);
        }
        struct stat facts{};
        if (!folder || ::fstat(folder.get(), &facts) != 0) {
            return system_failure("the session folder cannot be opened", path);
        }
        if (auto safe = check_private(facts, path); !safe) {
            return fail(safe);
        }
        auto local =
            os_detail::check_is_local(folder.get(), path, options.trust_network_file_system);
        if (!local) {
            return fail(local);
        }
        const bool durably = options.durable == durability::power;
        // Also where somebody else has made the folder, who may not have come to this yet.
        if (durably) {
            if (const int code = os_detail::sync_entry_of(folder.get()); code != 0) {
                errno = code;
                return system_failure("the session folder cannot be made durable", path);
            }
        }
        return segment_folder{std::move(folder), std::move(path), durably};
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Whether what is made or written in it has to outlast a loss of power.
    [[nodiscard]] bool is_durable() const noexcept { return durably_; }

    /// Opens the file of a segment for reading, or also to append (`O_RDWR | O_APPEND`).
    [[nodiscard]] result<open_segment> open_file(std::string_view id, int access) const {
        if (!is_segment_id(id)) {
            return unknown(id);
        }
        const auto name = file_name(id);
        open_segment opened{.path = path_ + '/' + name};
        // O_NONBLOCK keeps a FIFO in the file's place from holding us up; a file does not heed it.
        constexpr int safely = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        opened.file = file_descriptor{
            uninterrupted([&] { return ::openat(folder_.get(), name.c_str(), access | safely); })};
        if (!opened.file) {
            switch (errno) {
            case ENOENT:
            case EISDIR: return unknown(id);
            case ELOOP:
            case ENXIO: return no_plain_file(opened.path);
            default: return system_failure("the session file cannot be opened", opened.path);
            }
        }
        if (::fstat(opened.file.get(), &opened.facts) != 0) {
            return system_failure("the session file cannot be looked at", opened.path);
        }
        if (S_ISDIR(opened.facts.st_mode)) {
            return unknown(id);
        }
        if (!S_ISREG(opened.facts.st_mode)) {
            return no_plain_file(opened.path);
        }
        if (auto safe = check_private(opened.facts, opened.path); !safe) {
            return fail(safe);
        }
        return opened;
    }

    /// Makes the file of a new segment, with its first line. A file that could not be finished is
    /// taken away again.
    [[nodiscard]] result<void> make_file(std::string_view id, std::string_view first_line) const {
        const auto name = file_name(id);
        const auto path = path_ + '/' + name;
        constexpr int anew = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        const file_descriptor file{
            uninterrupted([&] { return ::openat(folder_.get(), name.c_str(), anew, 0600); })};
        if (!file) {
            return system_failure("the session file cannot be made", path);
        }
        auto done = write_all(file.get(), first_line, path);
        if (done && durably_ && uninterrupted([&] { return ::fdatasync(file.get()); }) != 0) {
            done = system_failure("the session file cannot be made durable", path);
        }
        if (done && durably_ && uninterrupted([&] { return ::fsync(folder_.get()); }) != 0) {
            done = system_failure("the session folder cannot be made durable", path_);
        }
        if (!done) {
            ::unlinkat(folder_.get(), name.c_str(), 0);
        }
        return done;
    }

    /// The ids of all segments.
    [[nodiscard]] result<std::vector<std::string>> list() const {
        // A descriptor of its own: copies of one would share the place in the listing.
        file_descriptor again{uninterrupted(
            [&] { return ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
        const std::unique_ptr<DIR, int (*)(DIR*)> listing{
            again ? ::fdopendir(again.get()) : nullptr, &::closedir};
        if (!listing) {
            return system_failure("the session folder cannot be listed", path_);
        }
        (void)again.release();
        std::vector<std::string> ids;
        for (;;) {
            errno = 0;
            const dirent* const entry = ::readdir(listing.get());
            if (!entry) {
                break;
            }
            if (const auto id = id_of(entry->d_name); !id.empty() && is_file(*entry)) {
                ids.emplace_back(id);
            }
        }
        if (errno != 0) {
            return system_failure("the session folder cannot be listed", path_);
        }
        return ids;
    }

private:
    segment_folder(file_descriptor folder, std::string path, bool durably) noexcept
        : folder_{std::move(folder)},
          path_{std::move(path)},
          durably_{durably} {}

    [[nodiscard]] static std::string file_name(std::string_view id) {
        return std::string{id}.append(segment_suffix);
    }

    /// The id that a file name holds, or nothing.
    [[nodiscard]] static std::string_view id_of(std::string_view name) noexcept {
        if (!name.ends_with(segment_suffix)) {
            return {};
        }
        name.remove_suffix(segment_suffix.size());
        return is_segment_id(name) ? name : std::string_view{};
    }

    [[nodiscard]] bool is_file(const dirent& entry) const noexcept {
        if (entry.d_type != DT_UNKNOWN) {
            return entry.d_type == DT_REG;
        }
        struct stat facts{};
        return ::fstatat(folder_.get(), entry.d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISREG(facts.st_mode);
    }

    [[nodiscard]] static failure unknown(std::string_view id) {
        return fail({.category = errc::unknown_segment,
                     .message = "there is no such session segment",
                     .subject = std::string{id}});
    }

    [[nodiscard]] static failure no_plain_file(const std::string& path) {
        return unsafe("a session file must be a plain file, and no symlink to one", path);
    }

    file_descriptor folder_;
    std::string path_;
    bool durably_;
};

} // namespace podscope::session_detail
