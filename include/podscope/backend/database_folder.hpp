// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/commit_page.hpp>
#include <podscope/backend/file.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/os/folder_entry.hpp>
#include <podscope/os/network_file_system.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

namespace podscope::backend_detail {

/// A file, whatever its name is.
struct file_identity {
    dev_t device{};
    ino_t number{};

    friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// The folder of a database whose library opens files by their paths: trusted before that library
/// sees it, as the journal's folder is.
class database_folder {
public:
    static constexpr const char* page_name = "generation";

    /// Opens the folder, making it and the page in it if they are not there.
    [[nodiscard]] static result<database_folder> open(const std::string& path,
                                                      bool trust_network_file_system) {
        auto folder = open_trusted_folder(path);
        if (!folder) {
            return fail(folder);
        }
        auto local = os_detail::check_is_local(folder->get(), path, trust_network_file_system);
        if (!local) {
            return fail(local);
        }
        auto full = full_path(folder->get(), path);
        if (!full) {
            return fail(full);
        }
        auto page = commit_page::open(folder->get(), page_name, *full + "/" + page_name);
        if (!page) {
            return fail(page);
        }
        return database_folder{*std::move(folder), *std::move(full), *std::move(page)};
    }

    [[nodiscard]] int descriptor() const noexcept { return folder_.get(); }

    [[nodiscard]] std::string path_of(std::string_view name) const {
        return path_ + "/" + std::string{name};
    }

    [[nodiscard]] commit_page& page() noexcept { return page_; }

    [[nodiscard]] const commit_page& page() const noexcept { return page_; }

    /// Makes an empty file for its owner only, if it is not there.
    [[nodiscard]] result<void> make_file(const char* name) const {
        // Not by opening it: to close a descriptor of it would free the record locks that this
        // process may have on it by then.
        if (::mknodat(folder_.get(), name, S_IFREG | S_IRUSR | S_IWUSR, 0) != 0 &&
            errno != EEXIST) {
            return system_failure("make", path_of(name), errno);
        }
        return {};
    }

    /// Refuses those of the files that are there and are links, of another kind, of another user,
    /// or open to others.
    [[nodiscard]] result<void> check_files(std::initializer_list<const char*> names) const {
        for (const char* name : names) {
            struct stat status{};
            if (::fstatat(folder_.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno == ENOENT) {
                    continue;
                }
                return system_failure("examine", path_of(name), errno);
            }
            if (S_ISLNK(status.st_mode)) {
                return untrusted(path_of(name), "it is a symbolic link");
            }
            if (auto trust = check_trust(status, S_IFREG, path_of(name)); !trust) {
                return trust;
            }
        }
        return {};
    }

    [[nodiscard]] result<struct stat> status_of(const char* name) const {
        struct stat status{};
        if (::fstatat(folder_.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return system_failure("examine", path_of(name), errno);
        }
        return status;
    }

    /// Makes the names of the folder and of what is in it last.
    [[nodiscard]] result<void> sync() const {
        int code = sync_all(folder_.get());
        if (code == 0) {
            code = os_detail::sync_entry_of(folder_.get());
        }
        return code == 0 ? result<void>{} : system_failure("sync", path_, code);
    }

    /// Refuses once somebody has removed the files: others who open the folder then make new ones.
    [[nodiscard]] result<void> check_not_removed() const {
        if (!page_.is_removed()) {
            return {};
        }
        return fail({.category = errc::io,
                     .message = "somebody has removed " + path_of(page_name) +
                                " while it was in use: open the store anew",
                     .path = path_of(page_name),
                     .system = std::make_error_code(std::errc::no_such_file_or_directory)});
    }

private:
    database_folder(file_descriptor folder, std::string path, commit_page page) noexcept
        : folder_{std::move(folder)},
          path_{std::move(path)},
          page_{std::move(page)} {}

    // A path without links, which stays right when the process changes its folder.
    [[nodiscard]] static result<std::string> full_path(int folder, const std::string& path) {
        struct stat here{};
        struct stat there{};
        char* const found = ::realpath(path.c_str(), nullptr);
        if (found == nullptr) {
            return system_failure("resolve", path, errno);
        }
        std::string full{found};
        ::free(found);
        if (const int code = backend_detail::status_of(folder, here); code != 0) {
            return system_failure("examine", path, code);
        }
        if (::stat(full.c_str(), &there) != 0) {
            return system_failure("examine", path, errno);
        }
        if (here.st_dev != there.st_dev || here.st_ino != there.st_ino) {
            return untrusted(path, "another folder took its place while it was opened");
        }
        return full;
    }

    file_descriptor folder_;
    std::string path_;
    commit_page page_;
};

} // namespace podscope::backend_detail
