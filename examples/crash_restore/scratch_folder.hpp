// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/system_error.hpp"
#include "../shared/temporary_folder.hpp"

#include <podscope/result.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace demo {

/// A folder of the demo's own, removed with all that is in it unless it is to be kept.
///
///     workspace/   what the team works on
///     state/       what the library stores
///     sockets/     where the processes answer
class scratch_folder {
public:
    /// A new folder in $TMPDIR if no path is given; otherwise that one, which must be empty or not
    /// there yet.
    [[nodiscard]] static podscope::result<scratch_folder> make(const std::string& wanted,
                                                               bool keep) {
        scratch_folder made;
        made.keep_ = keep;
        if (wanted.empty()) {
            auto fresh = make_temporary_folder("podscope-demo");
            if (!fresh) {
                return podscope::fail(fresh);
            }
            made.path_ = *std::move(fresh);
        } else if (::mkdir(wanted.c_str(), S_IRWXU) == 0) {
            made.path_ = wanted;
        } else {
            std::error_code broken;
            if (!std::filesystem::is_empty(wanted, broken) || broken) {
                return podscope::fail({.category = podscope::errc::io,
                                       .message = "the scratch folder '" + wanted +
                                                  "' must be an empty folder, or one that can be "
                                                  "made",
                                       .path = wanted,
                                       .system = broken});
            }
            made.path_ = wanted;
            made.was_there_ = true;
        }
        // The library answers with canonical paths: they begin with this one.
        std::error_code broken;
        auto canonical = std::filesystem::canonical(made.path_, broken).string();
        if (broken) {
            return podscope::fail({.category = podscope::errc::io,
                                   .message = "cannot use the scratch folder",
                                   .path = made.path_,
                                   .system = broken});
        }
        made.path_ = std::move(canonical);
        for (const auto* const part : {"/workspace", "/sockets"}) {
            const auto folder = made.path_ + part;
            if (::mkdir(folder.c_str(), S_IRWXU) != 0) {
                return system_said_no("cannot make a folder", folder);
            }
        }
        return made;
    }

    scratch_folder(scratch_folder&& other) noexcept
        : path_{std::exchange(other.path_, {})},
          keep_{other.keep_},
          was_there_{other.was_there_} {}

    scratch_folder& operator=(scratch_folder&&) = delete;

    ~scratch_folder() {
        if (path_.empty() || keep_) {
            return;
        }
        std::error_code ignored;
        if (!was_there_) {
            std::filesystem::remove_all(path_, ignored);
            return;
        }
        for (const auto& entry : std::filesystem::directory_iterator{path_, ignored}) {
            std::filesystem::remove_all(entry.path(), ignored);
        }
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    scratch_folder() = default;

    std::string path_{};
    bool keep_{};
    bool was_there_{};
};

} // namespace demo
