// SPDX-License-Identifier: BSL-1.0
// F03: a journal's life is recorded, write by write and sync by sync, and at each moment of it the
// power is cut: every subset of the pieces that were not synced, where there are at most 12 of
// them, and otherwise subsets at random. Whatever is left must open, hold every transaction that
// was acknowledged and no part of any other, and go on. Two in thirteen are of delayed durability:
// the next one that is not acknowledges them.
#include "backend/test_tables.hpp"
#include "regimes/arguments.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/json_writer.hpp>
#include <podscope/verify/power_cut.hpp>
#include <podscope/verify/recorded_files.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;
using podscope::verify::chance;
using podscope::verify::file_event;

struct here {};

using files = podscope::verify::recorded_files<here>;
using recorded = podscope::basic_journal<test_schema, podscope::durability::power, files>;
using reopened = podscope::basic_journal<test_schema, podscope::durability::process>;

constexpr std::size_t all_subsets_up_to = 12;

ino_t inode_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        throw std::runtime_error{"there is no " + path};
    }
    return status.st_ino;
}

std::string text_of(std::int64_t number, std::size_t length) {
    return std::string(length, static_cast<char>('a' + number % 26));
}

bool is_delayed(std::int64_t number) {
    return number % 13 >= 11;
}

// Every transaction writes its number, and a row whose length says which it is.
bool commit(auto& store, std::int64_t number, std::size_t length) {
    const auto body = [&](auto& txn) -> podscope::result<void> {
        auto done = txn.template put<numbers>("n", {number, {}});
        const auto row = std::to_string(number % 7);
        return done ? txn.template put<notes>(row, {text_of(number, length), {}, {}}) : done;
    };
    return (is_delayed(number) ? store.write_delayed(body) : store.write(body)).has_value();
}

std::size_t length_of(std::int64_t number) {
    return static_cast<std::size_t>(number * number % 1'500);
}

// Two handles that commit in turn, compact a piece at a time, and are opened again.
std::vector<file_event> a_life(const std::string& path, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    (void)files::take();
    std::vector<std::optional<recorded>> handles(2);
    for (std::int64_t number = 1; number <= 40; ++number) {
        auto& one = handles[random() % handles.size()];
        if (!one || random() % 12 == 0) {
            one.reset();
            auto opened = recorded::open(path, {.compact_above = 2'000 + random() % 4'000,
                                                .compact_factor = 1,
                                                .compact_piece = 200 + random() % 4'000,
                                                .room = random() % 3 * 2'048});
            one.emplace(*std::move(opened));
        }
        if (!commit(*one, number, length_of(number))) {
            throw std::runtime_error{"a commit failed"};
        }
        if (!is_delayed(number)) {
            files::mark(static_cast<std::uint64_t>(number));
        }
    }
    return files::take();
}

class inquiry {
public:
    inquiry(std::string folder, std::uint64_t seed) : left_{std::move(folder)}, random_{seed} {}

    void cut_at(const podscope::verify::power_cut& disk, std::size_t at_random) {
        const auto questions = disk.questions();
        if (questions <= all_subsets_up_to) {
            for (std::uint64_t subset = 0; subset != std::uint64_t{1} << questions; ++subset) {
                std::size_t number = 0;
                examine(disk, [&] {
                    return (subset >> number++ & 1U) != 0 ? chance::kept : chance::dropped;
                });
            }
        }
        for (std::size_t again = 0; questions != 0 && again != at_random; ++again) {
            // Sometimes nearly all or nearly nothing, since that is what disks do.
            const auto bias = random_() % 3;
            examine(disk, [&] {
                const auto roll = random_() % 10;
                return bias == 0                    ? static_cast<chance>(roll % 3)
                       : roll == 0                  ? chance::zeros
                       : (roll == 1) == (bias == 1) ? chance::dropped
                                                    : chance::kept;
            });
        }
    }

    [[nodiscard]] std::uint64_t cuts() const noexcept { return cuts_; }

    [[nodiscard]] const std::string& finding() const noexcept { return finding_; }

private:
    template <class Decide>
    void examine(const podscope::verify::power_cut& disk, Decide decide) {
        if (!finding_.empty()) {
            return;
        }
        ++cuts_;
        std::filesystem::remove_all(left_);
        std::filesystem::create_directory(left_);
        std::filesystem::permissions(left_, std::filesystem::perms::owner_all);
        for (const auto& [name, bytes] : disk.left(decide)) {
            const auto file = left_ + "/" + name;
            std::ofstream{file, std::ios::binary} << bytes;
            std::filesystem::permissions(file, std::filesystem::perms::owner_read |
                                                   std::filesystem::perms::owner_write);
        }
        finding_ = judge(static_cast<std::int64_t>(disk.acknowledged()));
        if (!finding_.empty()) {
            finding_ += " (cut " + std::to_string(cuts_) + ", after " +
                        std::to_string(disk.acknowledged()) + ")";
        }
    }

    [[nodiscard]] std::string judge(std::int64_t acknowledged) const {
        auto store = reopened::open(left_);
        if (!store) {
            return to_string(store.error());
        }
        const auto last = value_of(*store, "n").value().value_or(number{}).value;
        auto most = acknowledged + 1;
        while (is_delayed(most)) {
            ++most;
        }
        if (last < acknowledged || last > most) {
            return std::to_string(last) + " is the last one there";
        }
        const auto rows = rows_from<notes>(*store).value();
        if (rows.size() != static_cast<std::size_t>(std::min<std::int64_t>(last, 7))) {
            return "there are " + std::to_string(rows.size()) + " rows";
        }
        for (const auto& [key, row] : rows) {
            auto writer = last;
            while (std::to_string(writer % 7) != key) {
                --writer;
            }
            if (row.text != text_of(writer, length_of(writer))) {
                return "row " + key + " is not as transaction " + std::to_string(writer) +
                       " left it";
            }
        }
        return commit(*store, last + 1, 10) ? "" : "it cannot go on";
    }

    std::string left_;
    std::mt19937_64 random_;
    std::uint64_t cuts_ = 0;
    std::string finding_{};
};

} // namespace

int main(int argc, char** argv) {
    const auto told = regimes::read_arguments(argc, argv, "cuts");
    const auto wanted = told.amount.value_or(told.is_long ? 100'000 : 15'000);
    // In memory, if there is such a file system: nothing here waits for a disk.
    const podscope_test::temporary_folder folder;
    inquiry all{folder / "left", told.seed};
    std::uint64_t lives = 0;
    std::uint64_t events = 0;
    for (; all.cuts() < wanted && all.finding().empty(); ++lives) {
        const auto path = folder / ("store" + std::to_string(lives));
        std::filesystem::create_directory(path);
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        podscope::verify::power_cut disk{inode_of(path)};
        for (const auto& event : a_life(path, told.seed + lives)) {
            disk.happen(event);
            ++events;
            all.cut_at(disk, 4);
        }
    }
    std::string figures;
    podscope::json_object_writer line{figures};
    line.text("regime", "powercut")
        .number("seed", told.seed)
        .number("lives", lives)
        .number("events", events)
        .number("cuts", all.cuts())
        .text("lost", all.finding().empty() ? "nothing" : all.finding())
        .close();
    std::printf("%s\n", figures.c_str());
    return all.finding().empty() ? 0 : 1;
}
