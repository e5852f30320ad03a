// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/recorded_files.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace podscope::verify {

/// What a loss of power does to one piece of what was not synced.
enum class chance : std::uint8_t {
    kept,
    dropped,
    zeros, ///< dropped, with the file as long as if it had been kept
};

/// A disk after some prefix of a recording, and what a loss of power may leave of it: a model that
/// is weaker than any file system in use. Each sector of a write that was not synced is kept or
/// dropped, and so is each cut of a file and each change of a name, all independently of each other
/// and of their order. A sync of a file makes its bytes and length last, one of the folder its
/// names.
class power_cut {
public:
    static constexpr std::uint64_t sector = 512;

    /// @param folder the inode of the folder whose files are kept or lost: those of others are not
    ///               looked at
    explicit power_cut(ino_t folder) : folder_{folder} {}

    void happen(const file_event& event) {
        using kind = file_event::kind;
        switch (event.what) {
        case kind::made:
            // Numbered as they are made, since inodes come back.
            number_of_.erase(event.file);
            if (event.folder != folder_) {
                break;
            }
            number_of_[event.file] = files_.size();
            files_.emplace_back();
            change_names({event, files_.size() - 1});
            break;
        case kind::written: write(event); break;
        case kind::cut:
            if (auto* const file = find(event.file)) {
                file->pending.push_back({true, event.at, {}});
            }
            break;
        case kind::synced: sync(event.file); break;
        case kind::renamed:
        case kind::removed:
            if (event.folder == folder_) {
                change_known_name(event);
            }
            break;
        case kind::marked: acknowledged_ = event.at; break;
        }
    }

    /// The last mark.
    [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }

    /// How many pieces are kept or dropped by chance.
    [[nodiscard]] std::size_t questions() const noexcept {
        std::size_t count = names_pending_.size();
        for (const auto& file : files_) {
            count += file.pending.size();
        }
        return count;
    }

    /// The files that are left, by name; `decide()` is asked for each piece in turn.
    template <class Decide>
    [[nodiscard]] std::map<std::string, std::string> left(Decide&& decide) const {
        auto names = names_;
        for (const auto& change : names_pending_) {
            if (decide() == chance::kept) {
                change_name(names, change);
            }
        }
        std::vector<std::string> bytes;
        bytes.reserve(files_.size());
        for (const auto& file : files_) {
            bytes.push_back(file.synced);
            for (const auto& change : file.pending) {
                apply(bytes.back(), change, decide());
            }
        }
        std::map<std::string, std::string> found;
        for (const auto& [name, number] : names) {
            found[name] = bytes[number];
        }
        return found;
    }

private:
    // A sector of a write, or a cut, as it waits for a sync.
    struct piece {
        bool is_cut{};
        std::uint64_t at{};
        std::string bytes{};
    };

    struct contents {
        std::string synced{};
        std::vector<piece> pending{};
    };

    struct name_change {
        file_event event{};
        std::size_t number{};
    };

    using name_map = std::map<std::string, std::size_t>;

    // None, for a file that was not made in the recording.
    [[nodiscard]] contents* find(ino_t inode) {
        const auto number = number_of_.find(inode);
        return number == number_of_.end() ? nullptr : &files_[number->second];
    }

    // Of a file that was not made in the recording it only matters whose name it takes.
    void change_known_name(const file_event& event) {
        if (const auto known = named_now_.find(event.name); known != named_now_.end()) {
            change_names({event, known->second});
            return;
        }
        const auto replaced = named_now_.find(event.other_name);
        if (event.what == file_event::kind::renamed && replaced != named_now_.end()) {
            change_names({{.what = file_event::kind::removed,
                           .name = event.other_name,
                           .folder = event.folder},
                          replaced->second});
        }
    }

    // A change is one of the file that had the name when it was made, whatever becomes of the
    // changes before it.
    void change_names(name_change change) {
        change_name(named_now_, change);
        names_pending_.push_back(std::move(change));
    }

    void write(const file_event& event) {
        contents* const to = find(event.file);
        for (std::size_t done = 0; to != nullptr && done < event.bytes.size();) {
            const auto at = event.at + done;
            const auto length = static_cast<std::size_t>(sector - at % sector);
            to->pending.push_back({false, at, event.bytes.substr(done, length)});
            done += to->pending.back().bytes.size();
        }
    }

    void sync(ino_t inode) {
        if (inode == folder_) {
            for (const auto& change : names_pending_) {
                change_name(names_, change);
            }
            names_pending_.clear();
        } else if (contents* const synced = find(inode)) {
            for (const auto& change : synced->pending) {
                apply(synced->synced, change, chance::kept);
            }
            synced->pending.clear();
        }
    }

    static void apply(std::string& content, const piece& one, chance luck) {
        if (luck == chance::dropped) {
            return;
        }
        if (one.is_cut) {
            content.resize(static_cast<std::size_t>(one.at), '\0');
            return;
        }
        const auto end = static_cast<std::size_t>(one.at) + one.bytes.size();
        if (content.size() < end) {
            content.resize(end, '\0');
        }
        if (luck == chance::kept) {
            content.replace(static_cast<std::size_t>(one.at), one.bytes.size(), one.bytes);
        }
    }

    static void change_name(name_map& names, const name_change& change) {
        const auto& event = change.event;
        if (event.what == file_event::kind::made) {
            names[event.name] = change.number;
            return;
        }
        if (event.what == file_event::kind::renamed) {
            names[event.other_name] = change.number;
        }
        const auto old = names.find(event.name);
        if (old != names.end() && old->second == change.number) {
            names.erase(old);
        }
    }

    ino_t folder_;
    std::vector<contents> files_{};
    std::map<ino_t, std::size_t> number_of_{};
    name_map names_{};     // as they last
    name_map named_now_{}; // as the process sees them
    std::vector<name_change> names_pending_{};
    std::uint64_t acknowledged_ = 0;
};

} // namespace podscope::verify
