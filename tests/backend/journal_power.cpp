// SPDX-License-Identifier: BSL-1.0
// F03: what a loss of power may leave of the writes since the last sync, by a model that is weaker
// than any file system in use. Each 512-byte sector of a write is kept, dropped, or dropped with
// the file as long as if it had been kept; a shortening of a file is kept or dropped; so is each
// change of a name, all independently of each other and of the order in which they were made. A
// sync of a file keeps what was done to its bytes and its length, a sync of the folder what was
// done to names.
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;

using journal = podscope::basic_journal<test_schema>;

constexpr std::uint64_t sector = 512;

// A piece of a write, or a cut, as it waits for a sync.
struct pending_change {
    bool is_cut{};
    std::uint64_t at{};
    std::string bytes{};
};

struct file_model {
    std::string synced{};
    std::vector<pending_change> pending{};
};

enum class chance { kept, dropped, left_as_zeros };

void apply(std::string& content, const pending_change& change, chance luck) {
    if (luck == chance::dropped) {
        return;
    }
    if (change.is_cut) {
        content.resize(static_cast<std::size_t>(change.at), '\0');
        return;
    }
    const auto end = static_cast<std::size_t>(change.at) + change.bytes.size();
    if (content.size() < end) {
        content.resize(end, '\0');
    }
    if (luck == chance::kept) {
        content.replace(static_cast<std::size_t>(change.at), change.bytes.size(), change.bytes);
    }
}

// The file system after some prefix of a trace. Files are numbered as they are made, since inodes
// come back.
class disk_model {
public:
    explicit disk_model(ino_t folder) : folder_{folder} {}

    void happen(const system_event& event) {
        using kind = system_event::kind;
        switch (event.what) {
        case kind::written: {
            auto& pending = file_of(event).pending;
            for (std::size_t done = 0; done < event.bytes.size();) {
                const auto at = event.number + done;
                const auto length = static_cast<std::size_t>(sector - at % sector);
                pending.push_back({false, at, event.bytes.substr(done, length)});
                done += pending.back().bytes.size();
            }
            break;
        }
        case kind::cut: file_of(event).pending.push_back({true, event.number, {}}); break;
        case kind::synced:
            if (event.file == folder_) {
                for (const auto& change : name_changes_) {
                    change_name(names_, change);
                }
                name_changes_.clear();
            } else {
                auto& file = file_of(event);
                for (const auto& change : file.pending) {
                    apply(file.synced, change, chance::kept);
                }
                file.pending.clear();
            }
            break;
        case kind::named:
            number_of_[event.file] = files_.size();
            files_.emplace_back();
            name_changes_.push_back({event, files_.size() - 1});
            break;
        case kind::renamed:
        case kind::unnamed: name_changes_.push_back({event, 0}); break;
        case kind::mark: acknowledged_ = static_cast<std::int64_t>(event.number); break;
        }
    }

    [[nodiscard]] std::int64_t acknowledged() const noexcept { return acknowledged_; }

    [[nodiscard]] bool has_open_questions() const {
        return !name_changes_.empty() ||
               std::ranges::any_of(files_, [](const auto& file) { return !file.pending.empty(); });
    }

    // Writes what is left after a loss of power; `luck()` decides each question.
    template <class Luck>
    void leave(const std::string& folder, Luck luck) const {
        auto names = names_;
        for (const auto& change : name_changes_) {
            if (luck() == chance::kept) {
                change_name(names, change);
            }
        }
        for (const auto& [name, number] : names) {
            std::string content = files_[number].synced;
            for (const auto& change : files_[number].pending) {
                apply(content, change, luck());
            }
            set_bytes(folder + "/" + name, content);
            REQUIRE(::chmod((folder + "/" + name).c_str(), 0600) == 0);
        }
    }

private:
    using name_map = std::map<std::string, std::size_t>;

    struct name_change {
        system_event event;
        std::size_t number;
    };

    static void change_name(name_map& names, const name_change& change) {
        const auto& [event, number] = change;
        if (event.what == system_event::kind::named) {
            names[event.name] = number;
        } else if (event.what == system_event::kind::unnamed) {
            names.erase(event.name);
        } else if (const auto old = names.find(event.name); old != names.end()) {
            // (A dropped change may never have given the old name.)
            names[event.other_name] = old->second;
            names.erase(old);
        }
    }

    // Of a file that was not made here, such as the folder above, nothing is asked.
    file_model& file_of(const system_event& event) {
        const auto number = number_of_.find(event.file);
        return number == number_of_.end() ? elsewhere_ : files_[number->second];
    }

    ino_t folder_;
    std::vector<file_model> files_;
    file_model elsewhere_;
    std::map<ino_t, std::size_t> number_of_;
    name_map names_;
    std::vector<name_change> name_changes_;
    std::int64_t acknowledged_ = 0;
};

ino_t inode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_ino;
}

// Every transaction writes its number and a row that is longer than a sector.
std::string text_of(std::int64_t number) {
    return std::string(static_cast<std::size_t>(600 + 10 * number),
                       static_cast<char>('a' + number % 26));
}

template <class Store>
bool commit(Store& store, std::int64_t i) {
    return store
        .write([&](auto& txn) -> podscope::result<void> {
            auto put = txn.template put<numbers>("n", {i, {}});
            return put ? txn.template put<notes>(std::to_string(i), {text_of(i), {}, {}}) : put;
        })
        .has_value();
}

// What a journal goes through in its life, with all that a disk is told meanwhile: commits by two
// handles of which one compacts, a commit that only half fits, a compaction that dies between the
// new name and its sync, opening again.
std::vector<system_event> trace_of_a_life(const std::string& path) {
    constexpr podscope::journal_options compacting{.compact_above = 1500, .compact_factor = 1};
    system_trace trace;
    std::int64_t next = 1;
    const auto commit_by = [&](auto& store) {
        REQUIRE(commit(store, next));
        trace.mark(static_cast<std::uint64_t>(next++));
    };
    auto one = std::make_optional(journal::open(path, compacting).value());
    auto two = journal::open(path, {.compact_above = 1U << 30}).value();
    for (int i = 0; i < 2; ++i) {
        commit_by(*one);
        commit_by(two);
    }
    {
        int writes = 0;
        const system_faults faults{[&](system_call called) {
            const bool is_write = called == system_call::write;
            return is_write && ++writes == 1 ? fate{.what = fate::kind::stops_short, .length = 700}
                   : is_write                ? failing(ENOSPC)
                                             : fate{};
        }};
        REQUIRE_FALSE(commit(two, next));
    }
    commit_by(two);
    commit_by(two);
    {
        // The first sync is the commit's, two are the new file's, the fourth the folder's.
        int syncs = 0;
        const system_faults faults{[&](system_call called) {
            return called == system_call::sync && ++syncs == 4 ? failing(EIO) : fate{};
        }};
        commit_by(*one);
        REQUIRE(syncs == 4);
    }
    REQUIRE_FALSE(commit(*one, next));
    commit_by(two);
    one.emplace(journal::open(path, compacting).value());
    for (int i = 0; i < 3; ++i) {
        commit_by(*one);
        commit_by(two);
    }
    return trace.events();
}

// Opens what is left and says what is wrong with it.
std::string finding_of(const std::string& path, std::int64_t acknowledged) {
    auto store = podscope::basic_journal<test_schema, podscope::durability::process>::open(path);
    if (!store) {
        return to_string(store.error());
    }
    const auto count = value_of(*store, "n").value().value_or(number{}).value;
    if (count != acknowledged && count != acknowledged + 1) {
        return std::to_string(acknowledged) + " were acknowledged and " + std::to_string(count) +
               " are there";
    }
    const auto rows = rows_from<notes>(*store).value();
    if (rows.size() != static_cast<std::size_t>(count)) {
        return "a part of a transaction is missing";
    }
    for (const auto& [key, row] : rows) {
        if (row.text != text_of(std::stoll(key))) {
            return "a row is not what was written";
        }
    }
    return commit(*store, count + 1) ? "" : "it cannot go on";
}

} // namespace

TEST_CASE("F03 whatever a loss of power keeps of the writes since the last sync all that was "
          "acknowledged is there") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    const auto events = trace_of_a_life(path);
    const auto last_page = bytes_of(path + "/journal.lock");
    std::mt19937 random{11};
    int cuts = 0;
    std::size_t names_changed = 0;

    disk_model disk{inode_of(path)};
    const auto cut_power = [&](auto luck) {
        const std::string left = folder / "left";
        std::filesystem::remove_all(left);
        REQUIRE(::mkdir(left.c_str(), 0700) == 0);
        disk.leave(left, luck);
        if (random() % 2 == 0) {
            // The page is written back when the system likes, so it may be of any time.
            set_bytes(left + "/journal.lock", last_page);
            REQUIRE(::chmod((left + "/journal.lock").c_str(), 0600) == 0);
        }
        ++cuts;
        return finding_of(left, disk.acknowledged());
    };
    for (std::size_t i = 0; i < events.size(); ++i) {
        disk.happen(events[i]);
        names_changed += events[i].what == system_event::kind::renamed ? 1U : 0U;
        CAPTURE(i, cuts);
        REQUIRE(cut_power([] { return chance::kept; }) == "");
        REQUIRE(cut_power([] { return chance::dropped; }) == "");
        if (!disk.has_open_questions()) {
            continue;
        }
        REQUIRE(cut_power([] { return chance::left_as_zeros; }) == "");
        for (int again = 0; again < 12; ++again) {
            const auto luck = [&] { return static_cast<chance>(random() % 3); };
            REQUIRE(cut_power(luck) == "");
        }
    }
    CHECK(names_changed >= 4);
    CHECK(cuts > 500);
}
