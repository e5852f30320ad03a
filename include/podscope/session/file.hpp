// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/session/checks.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/session/file_options.hpp>
#include <podscope/session/posix_file.hpp>
#include <podscope/session/segment_folder.hpp>
#include <podscope/session/segment_format.hpp>
#include <podscope/session/segment_lines.hpp>
#include <podscope/session/segment_search.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope {

/// Session segments as text files in one folder: `ID.jsonl`, a header line with the lineage and
/// then one JSON object a line, `{"i":0,"kind":"…","body":"…"}`.
///
/// An append is one write of a whole line. Whoever dies in the middle of one leaves a torn last
/// line, and so does a loss of power, which may leave zeros in place of some of it: readers pass
/// over it (segment_info::torn_tail), and the next append cuts it off. One that fails, or cannot be
/// made durable, is taken back. Appends of several threads and processes come one after the other,
/// with the right index each; meanwhile anybody may read, and sees what stood when the read began.
///
/// The folder and its files must belong to the effective user and be writable by nobody else; no
/// symlink is followed in their place, and every descriptor closes on exec. Copies share one state,
/// and may be used from several threads at once, also by a visitor while `read` runs.
///
/// Every operation on a segment can fail with `unknown_segment` (also for a text that is no id, and
/// where a folder stands in the file's place), `unsafe_file`, `empty_segment` (a crash cut its
/// creation short), `unsupported_version`, `corrupt` (with path, offset and position) and `io`.
class file_sessions {
public:
    /// Opens a folder, and makes it if it is missing and its parent is there. Errors:
    /// `invalid_target` (an empty path, a NUL in it), `unsafe_file` if it is open to others or lies
    /// on a network file system, `io`.
    [[nodiscard]] static result<file_sessions> open(std::string folder,
                                                    file_session_options options = {}) {
        return guarded([&]() -> result<file_sessions> {
            auto opened = session_detail::segment_folder::open(std::move(folder), options);
            if (!opened) {
                return fail(opened);
            }
            return file_sessions{std::make_shared<state>(std::move(*opened), options)};
        });
    }

    /// The same for `sessions` in a folder that may be missing as well: in a runtime's.
    [[nodiscard]] static result<file_sessions> open_within(std::string folder,
                                                           file_session_options options = {}) {
        return guarded([&]() -> result<file_sessions> {
            auto around = session_detail::segment_folder::open(std::move(folder), options);
            return around ? open(around->path() + "/sessions", options)
                          : result<file_sessions>{fail(around)};
        });
    }

    /// Errors: `invalid_entry` (see check_lineage; or longer than max_line), `io`.
    [[nodiscard]] result<std::string> create(const lineage& from) {
        return guarded([&]() -> result<std::string> {
            if (auto sound = check_lineage(from); !sound) {
                return fail(sound);
            }
            const auto header = session_detail::header_line(from);
            if (header.size() > shared_->options.max_line) {
                return too_long();
            }
            auto id = fresh_segment_id();
            if (id) {
                if (auto made = shared_->folder.make_file(*id, header); !made) {
                    return fail(made);
                }
            }
            return id;
        });
    }

    /// Costs one entry if the file is as the last append of this store left it; otherwise (the
    /// first append, or somebody else has written) its lines are counted first. Errors beside those
    /// of every operation: `invalid_entry` (see check_entry; or longer than max_line), `timeout`
    /// (see file_session_options::lock_wait).
    [[nodiscard]] result<std::uint64_t> append(std::string_view id, const session_entry& entry) {
        return guarded([&]() -> result<std::uint64_t> {
            if (auto sound = check_entry(entry); !sound) {
                return fail(sound);
            }
            auto segment = shared_->folder.open_file(id, O_RDWR | O_APPEND);
            if (!segment) {
                return fail(segment);
            }
            const auto end = shared_->end_of(id);
            const std::lock_guard one_thread{end->guard};
            auto one_process = session_detail::lock_to_append(
                segment->file.get(), shared_->options.lock_wait, segment->path);
            if (!one_process) {
                return fail(one_process);
            }
            if (auto found = catch_up(*segment, *end); !found) {
                return fail(found);
            }
            const auto index = end->lines - 1;
            const auto line = session_detail::entry_line(index, entry);
            if (line.size() > shared_->options.max_line) {
                return too_long();
            }
            if (auto written = write_line(*segment, *end, line); !written) {
                return fail(written);
            }
            return index;
        });
    }

    /// Visits the entries from an index on as `visit(index, entry)`, line by line: what it holds at
    /// a time is one line, however long the segment is. An index at or behind the end visits
    /// nothing. What the visitor throws becomes an error.
    ///
    /// Entry `from` is searched by bisection of the file, since each line says which entry it is:
    /// logarithmic in the file's length, then linear in what is visited; and the last line is
    /// looked through first, for whether it is torn. Where lines are damaged or were edited by
    /// hand, and where `from` is behind the end by more than one, the lines before it are counted
    /// instead, which is linear in their length. They are not parsed: damage there is no error.
    template <class Visitor>
        requires std::is_invocable_r_v<scan, Visitor&, std::uint64_t, const session_entry&>
    [[nodiscard]] result<void>
    read(std::string_view id, std::uint64_t from, Visitor&& visit) const {
        return guarded([&]() -> result<void> {
            auto segment = shared_->folder.open_file(id, O_RDONLY);
            if (!segment) {
                return fail(segment);
            }
            auto end = whole_lines(*segment);
            if (!end) {
                return fail(end);
            }
            auto lines = reader_of(*segment, *end);
            if (auto header = read_header(lines, *segment); !header) {
                return fail(header);
            }
            auto found = session_detail::find_entry(
                segment->file.get(), {.offset = lines.next_offset()}, *end, from, segment->path);
            if (!found) {
                return fail(found);
            }
            if (*found) {
                auto near = reader_of(*segment, *end, **found);
                return visit_lines(near, from, visit, segment->path);
            }
            if (auto skipped = lines.skip(from); !skipped) {
                return skipped;
            }
            return visit_lines(lines, from, visit, segment->path);
        });
    }

    /// Counts the entries by their lines, without parsing them. Linear in the file's length.
    [[nodiscard]] result<segment_info> info(std::string_view id) const {
        return guarded([&]() -> result<segment_info> {
            auto segment = shared_->folder.open_file(id, O_RDONLY);
            if (!segment) {
                return fail(segment);
            }
            auto found = count_whole(*segment);
            if (!found) {
                return fail(found);
            }
            return segment_info{.comes_from = std::move(found->from),
                                .entries = found->lines - 1,
                                .torn_tail = found->end != size_of(segment->facts)};
        });
    }

    /// The files that bear an id as their name, whatever they hold. Errors: `io`.
    [[nodiscard]] result<std::vector<std::string>> list() const {
        return guarded([&] { return shared_->folder.list(); });
    }

private:
    /// A segment's file as the last append of this object left it.
    struct segment_end {
        /// Whether that file is still as it was left, and its end and its lines are known.
        [[nodiscard]] bool is_current(const struct stat& now) const noexcept {
            return left && left->st_dev == now.st_dev && left->st_ino == now.st_ino &&
                   left->st_size == now.st_size && left->st_ctim.tv_sec == now.st_ctim.tv_sec &&
                   left->st_ctim.tv_nsec == now.st_ctim.tv_nsec;
        }

        std::mutex guard;
        std::optional<struct stat> left;
        std::uint64_t offset{}; ///< where its last whole line ends
        std::uint64_t lines{};  ///< how many there are, the header among them
    };

    struct state {
        state(session_detail::segment_folder in, const file_session_options& chosen) noexcept
            : folder{std::move(in)},
              options{chosen} {}

        [[nodiscard]] std::shared_ptr<segment_end> end_of(std::string_view id) {
            const std::lock_guard hold{guard};
            auto found = ends.find(id);
            if (found == ends.end()) {
                found = ends.emplace(id, std::make_shared<segment_end>()).first;
            }
            return found->second;
        }

        const session_detail::segment_folder folder;
        const file_session_options options;
        std::mutex guard;
        std::map<std::string, std::shared_ptr<segment_end>, std::less<>> ends;
    };

    explicit file_sessions(std::shared_ptr<state> shared) noexcept : shared_{std::move(shared)} {}

    [[nodiscard]] static std::uint64_t size_of(const struct stat& facts) noexcept {
        return static_cast<std::uint64_t>(facts.st_size);
    }

    /// Where the whole lines end of a segment as it stands; there is at least one.
    [[nodiscard]] static result<std::uint64_t>
    whole_lines(const session_detail::open_segment& segment) {
        auto end = session_detail::whole_lines_end(segment.file.get(), size_of(segment.facts),
                                                   segment.path);
        if (end && *end == 0) {
            return fail({.category = errc::empty_segment,
                         .message = "the session file has no whole line, not even its header",
                         .path = segment.path});
        }
        return end;
    }

    [[nodiscard]] static result<lineage> read_header(session_detail::line_reader& lines,
                                                     const session_detail::open_segment& segment) {
        auto line = lines.next();
        if (!line) {
            return fail(line);
        }
        return session_detail::read_header(line->value_or(std::string_view{}), segment.path);
    }

    [[nodiscard]] session_detail::line_reader reader_of(const session_detail::open_segment& segment,
                                                        std::uint64_t end,
                                                        std::uint64_t start = 0) const {
        return {segment.file.get(), end, shared_->options.max_line, segment.path, start};
    }

    struct counted {
        lineage from{};
        std::uint64_t end{};   ///< where the last whole line ends
        std::uint64_t lines{}; ///< the header among them
    };

    [[nodiscard]] result<counted> count_whole(const session_detail::open_segment& segment) const {
        const int file = segment.file.get();
        auto end = whole_lines(segment);
        if (!end) {
            return fail(end);
        }
        auto lines = reader_of(segment, *end);
        auto from = read_header(lines, segment);
        if (!from) {
            return fail(from);
        }
        auto count = session_detail::count_lines(file, 0, *end, segment.path);
        if (!count) {
            return fail(count);
        }
        return counted{.from = std::move(*from), .end = *end, .lines = *count};
    }

    template <class Visitor>
    [[nodiscard]] static result<void> visit_lines(session_detail::line_reader& lines,
                                                  std::uint64_t index,
                                                  Visitor& visit,
                                                  const std::string& path) {
        session_entry entry;
        for (;; ++index) {
            auto line = lines.next();
            if (!line) {
                return fail(line);
            }
            if (!*line) {
                return {};
            }
            if (const auto fault = session_detail::read_entry(**line, index, entry)) {
                auto number = lines.line_number();
                return number ? session_detail::bad_line(*fault, path, *number, lines.line_offset())
                              : fail(number);
            }
            if (visit(index, std::as_const(entry)) == scan::stop) {
                return {};
            }
        }
    }

    /// Makes sure that `end` is where the file ends, and cuts off a torn last line. Needs both
    /// locks.
    [[nodiscard]] result<void> catch_up(session_detail::open_segment& segment,
                                        segment_end& end) const {
        const int file = segment.file.get();
        if (::fstat(file, &segment.facts) != 0) {
            return session_detail::system_failure("the session file cannot be looked at",
                                                  segment.path);
        }
        if (end.is_current(segment.facts)) {
            return {};
        }
        end.left.reset();
        auto found = count_whole(segment);
        if (!found) {
            return fail(found);
        }
        if (found->end != size_of(segment.facts) && !cut(file, found->end)) {
            return session_detail::system_failure("the torn last line of the session file cannot "
                                                  "be cut off",
                                                  segment.path);
        }
        end.offset = found->end;
        end.lines = found->lines;
        return {};
    }

    /// Appends a line, or leaves the file as it was. Needs both locks.
    [[nodiscard]] result<void> write_line(const session_detail::open_segment& segment,
                                          segment_end& end,
                                          std::string_view line) const {
        const int file = segment.file.get();
        end.left.reset();
        auto done = session_detail::write_all(file, line, segment.path);
        if (done && shared_->folder.is_durable() &&
            session_detail::uninterrupted([&] { return ::fdatasync(file); }) != 0) {
            done = session_detail::system_failure("the entry cannot be made durable", segment.path);
        }
        if (!done) {
            // Should this fail too, what is left is a torn line, which the next append cuts off, or
            // a whole one of which nobody was told, which it counts.
            (void)cut(file, end.offset);
            return done;
        }
        end.offset += line.size();
        ++end.lines;
        struct stat facts{};
        if (::fstat(file, &facts) == 0 && size_of(facts) == end.offset) {
            end.left = facts;
        }
        return {};
    }

    [[nodiscard]] static bool cut(int file, std::uint64_t length) noexcept {
        return session_detail::uninterrupted(
                   [&] { return ::ftruncate(file, static_cast<::off_t>(length)); }) == 0;
    }

    [[nodiscard]] failure too_long() const {
        return fail({.category = errc::invalid_entry,
                     .message = "the entry takes more than the " +
                                std::to_string(shared_->options.max_line) +
                                " bytes that a line of a session file may have"});
    }

    std::shared_ptr<state> shared_;
};

static_assert(session_store<file_sessions>);

} // namespace podscope
