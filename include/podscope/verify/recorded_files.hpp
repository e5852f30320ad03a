// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file_layer.hpp>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace podscope::verify {

/// What was done to a file, or to the names in a folder.
struct file_event {
    enum class kind : std::uint8_t {
        made,    ///< `file` got its first name, `name`
        written, ///< `bytes` at `at`
        cut,     ///< to the size `at`
        synced,  ///< a file, or a folder with its names
        renamed, ///< from `name` to `other_name`
        removed, ///< `name`
        marked,  ///< `at`, by who records: what was acknowledged up to here
    };

    kind what{};
    ino_t file{};
    std::uint64_t at{};
    std::string bytes{};
    std::string name{};
    std::string other_name{};
    ino_t folder{}; ///< of the names
};

/// A file layer that does what the system does, and records what changed and what was made to last:
/// for power_cut to replay. A call that failed is not recorded, so it is for systems that work.
///
/// `Tag` tells recordings apart that go on at the same time. Any number of threads may use one.
template <class Tag>
struct recorded_files {
    static void made(int folder, const char* name, int file) noexcept {
        record({.what = file_event::kind::made,
                .file = number_of(file),
                .name = name,
                .folder = number_of(folder)});
    }

    static int write(int file, std::string_view bytes, std::uint64_t offset) noexcept {
        const int code = system_files::write(file, bytes, offset);
        return then(code, {.what = file_event::kind::written,
                           .file = number_of(file),
                           .at = offset,
                           .bytes = std::string{bytes}});
    }

    static int read(int file, char* to, std::size_t size, std::uint64_t offset) noexcept {
        return system_files::read(file, to, size, offset);
    }

    static int cut(int file, std::uint64_t size) noexcept {
        const int code = system_files::cut(file, size);
        return then(code, {.what = file_event::kind::cut, .file = number_of(file), .at = size});
    }

    static int sync_data(int file) noexcept {
        const int code = system_files::sync_data(file);
        return then(code, {.what = file_event::kind::synced, .file = number_of(file)});
    }

    static int sync_all(int file) noexcept {
        const int code = system_files::sync_all(file);
        return then(code, {.what = file_event::kind::synced, .file = number_of(file)});
    }

    static int rename(int folder, const char* from, const char* to) noexcept {
        const int code = system_files::rename(folder, from, to);
        return then(code, {.what = file_event::kind::renamed,
                           .name = from,
                           .other_name = to,
                           .folder = number_of(folder)});
    }

    static int remove(int folder, const char* name) noexcept {
        const int code = system_files::remove(folder, name);
        return then(code,
                    {.what = file_event::kind::removed, .name = name, .folder = number_of(folder)});
    }

    /// Notes that all up to `number` has been reported as done.
    static void mark(std::uint64_t number) noexcept {
        record({.what = file_event::kind::marked, .at = number});
    }

    /// What was recorded since the last call.
    [[nodiscard]] static std::vector<file_event> take() {
        const std::lock_guard alone{mutex_};
        return std::exchange(events_, {});
    }

private:
    static void record(file_event event) noexcept {
        const std::lock_guard alone{mutex_};
        events_.push_back(std::move(event));
    }

    static int then(int code, file_event event) noexcept {
        if (code == 0) {
            record(std::move(event));
        }
        return code;
    }

    [[nodiscard]] static ino_t number_of(int file) noexcept {
        struct stat status{};
        return ::fstat(file, &status) == 0 ? status.st_ino : 0;
    }

    static inline std::mutex mutex_{};
    static inline std::vector<file_event> events_{};
};

} // namespace podscope::verify
