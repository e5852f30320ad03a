// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/invalid_target.hpp>
#include <podscope/scope/kernel_path.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/shown_text.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace podscope {

/// Absolute POSIX paths, as the file system reads them: symbolic links are followed, so that two
/// paths to one file are one place.
///
/// From the first component that does not exist the rest is kept as it is written: a path can be
/// resolved before anything is made there. There `..` is refused, as the kernel refuses it, since
/// what it would leave is not known: the missing component may come to be a link. Hard links, bind
/// mounts and file systems that ignore case give one file several paths that this namespace does
/// not bring together.
///
/// **What a check with this namespace can promise.** The answer holds for what the path named at
/// the moment of `resolve`. A resource that was resolved is a place and not a link: a rule does not
/// move when somebody changes a link later. But whoever may write in a folder on the way can put a
/// link in the place of a component between a check and the use of the same path, and the use then
/// reaches another file than was checked. Where that matters, open the file relative to a folder
/// that is already open, by openat2 with RESOLVE_NO_SYMLINKS and RESOLVE_BENEATH, and check the
/// place that was opened; or have the kernel refuse the write, as Landlock can.
///
/// Stateless, so that one object serves any number of threads.
class canonical_path {
public:
    /// The place that a path names now.
    ///
    /// Errors: `invalid_target` for what lexical_path refuses, for a `..` after a component that
    /// does not exist, and for a path through too many links (a loop), through something that is no
    /// folder, or where this process may not look; `io` if the file system fails. `error::path` is
    /// the part of the path that stands in the way, `error::system` what the system said.
    [[nodiscard]] result<resource> resolve(std::string_view text) const;

    /// The path as a person writes it: `/a/b`, and `/` for the root.
    [[nodiscard]] std::string display(const resource& place) const {
        return lexical_path{}.display(place);
    }

    /// Whether a path may lead to a resource: whether it is one of lexical_path's. The file system
    /// is not asked, so that a place stays one whatever is made there later.
    [[nodiscard]] bool is_place(const resource& place) const noexcept {
        return lexical_path{}.is_place(place);
    }
};

namespace scope_detail {

/// One walk from the root to the place that a path names, as path_resolution(7) describes it. It is
/// for what place_by_kernel does not answer, and says why a path names no place.
class path_walk {
public:
    explicit path_walk(std::string_view text) : text_{text}, rest_{text}, own_text_{text.size()} {}

    [[nodiscard]] result<resource> run() {
        for (;;) {
            std::string_view left = std::string_view{rest_}.substr(next_);
            const std::string component{take_component(left)};
            if (component.empty()) {
                return place();
            }
            next_ = rest_.size() - left.size();
            if (auto done = step(component); !done) {
                return fail(done);
            }
        }
    }

private:
    // As many as Linux follows (MAXSYMLINKS).
    static constexpr unsigned max_links = 40;

    [[nodiscard]] result<void> step(std::string_view component) {
        if (component.size() > lexical_path::max_component_length) {
            return refuse("has a component longer than 255 bytes", ENAMETOOLONG);
        }
        if (component == ".") {
            return check_folder();
        }
        if (component == "..") {
            auto folder = check_folder();
            return folder ? ascend() : std::move(folder);
        }
        path_ += '/';
        path_ += component;
        if (path_.size() > lexical_path::max_length) {
            return refuse("becomes longer than 4095 bytes as its links are followed", ENAMETOOLONG);
        }
        return look();
    }

    // Goes on if what was reached is a folder, or is not there.
    [[nodiscard]] result<void> check_folder() {
        std::array<char, 1> unused{};
        const std::string inside = path_ + "/.";
        if (is_missing_ || ::readlink(inside.c_str(), unused.data(), unused.size()) >= 0) {
            return {};
        }
        switch (errno) {
        case EINVAL: return {}; // it is one: there is such an entry, which is no link
        case ENOENT: is_missing_ = true; return {};
        default: return refuse_by_system(errno, path_);
        }
    }

    [[nodiscard]] result<void> ascend() {
        if (is_missing_) {
            return refuse(
                "leads with '..' out of '" + shown_text(path_) + "', which does not exist", ENOENT);
        }
        if (!path_.empty()) {
            path_.resize(path_.rfind('/'));
        } else if (!is_in_link()) {
            return refuse("leads above the root with '..'", 0);
        } // else stays at the root, as the kernel does: the link is as it is
        return {};
    }

    // Follows what was reached if it is a link.
    [[nodiscard]] result<void> look() {
        if (is_missing_) {
            return {};
        }
        std::array<char, lexical_path::max_length + 1> content{};
        const auto length = ::readlink(path_.c_str(), content.data(), content.size());
        if (length >= 0) {
            return follow({content.data(), static_cast<std::size_t>(length)});
        }
        switch (errno) {
        case EINVAL: return {}; // there is something, which is no link
        case ENOENT: is_missing_ = true; return {};
        case ENOTDIR: return refuse_by_system(errno, path_.substr(0, path_.rfind('/')));
        default: return refuse_by_system(errno, path_);
        }
    }

    [[nodiscard]] result<void> follow(std::string_view content) {
        if (++links_ > max_links) {
            return refuse("leads through more than 40 symbolic links, at last '" +
                              shown_text(path_) + "': is there a loop?",
                          ELOOP);
        }
        if (content.size() > lexical_path::max_length) {
            return refuse("leads through '" + shown_text(path_) + "', a link that is too long",
                          ENAMETOOLONG);
        }
        path_.resize(content.starts_with('/') ? 0 : path_.rfind('/'));
        std::string rest{content};
        rest.append(rest_, next_);
        own_text_ = std::min(own_text_, rest_.size() - next_);
        rest_ = std::move(rest);
        next_ = 0;
        return {};
    }

    // Whether the component taken last came out of a link.
    [[nodiscard]] bool is_in_link() const noexcept { return next_ <= rest_.size() - own_text_; }

    [[nodiscard]] resource place() const {
        resource reached;
        for (std::string_view left = path_;;) {
            const auto component = take_component(left);
            if (component.empty()) {
                return reached;
            }
            reached.push(component);
        }
    }

    [[nodiscard]] result<void> refuse_by_system(int code, const std::string& where) {
        path_ = where;
        const std::string shown = "'" + shown_text(where) + "'";
        switch (code) {
        case ENOTDIR: return refuse("leads through " + shown + ", which is not a folder", code);
        case EACCES: return refuse("leads to " + shown + ", where this process may not look", code);
        default: break;
        }
        auto failed = refuse("cannot be resolved at " + shown, code);
        failed.error().category = errc::io;
        return failed;
    }

    [[nodiscard]] result<void> refuse(std::string_view reason, int code) const {
        error e = invalid_target(text_, reason);
        e.path = path_;
        if (code != 0) {
            e.system = std::error_code{code, std::generic_category()};
        }
        return fail(std::move(e));
    }

    std::string_view text_;
    std::string rest_;     // the text, or the content of a link and what comes after it
    std::size_t next_{};   // up to where `rest_` has been walked
    std::size_t own_text_; // how much of the end of `rest_` stands in the text
    std::string path_{};   // what was reached, through no link; empty for the root
    bool is_missing_{};    // whether it does not exist
    unsigned links_{};
};

} // namespace scope_detail

inline result<resource> canonical_path::resolve(std::string_view text) const {
    if (const char* const fault = scope_detail::words_for(scope_detail::fault_of_whole(text))) {
        return fail(invalid_target(text, fault));
    }
    if (auto found = scope_detail::place_by_kernel(text)) {
        return *std::move(found);
    }
    return scope_detail::path_walk{text}.run();
}

static_assert(knows_its_places<canonical_path>);

} // namespace podscope
