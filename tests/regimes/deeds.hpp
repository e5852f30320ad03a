// SPDX-License-Identifier: BSL-1.0
// The log that a soak keeps itself, outside of what it tests: each process writes down what it is
// about to do and what came of it, in a file of its own that outlives it.
#pragma once

#include <podscope/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace regimes {

/// A grant by its pod and its epoch, which no other grant has.
struct grant_id {
    std::string pod{};
    std::uint64_t granted{};

    friend auto operator<=>(const grant_id&, const grant_id&) = default;
};

/// Time, in all processes: what was begun after something else was answered has the later stamp.
using shared_clock = std::atomic<std::uint64_t>;

inline constexpr auto never = std::numeric_limits<std::uint64_t>::max();

/// Something that a process did.
struct deed {
    std::string what{};
    grant_id by{};       ///< what it acted under; of a pod that is to be, its name alone
    std::string other{}; ///< the child, the endpoint, the entry
    std::uint64_t begun{};
    std::uint64_t answered{never}; ///< never, if the process was killed before
    std::uint64_t over{never};     ///< when it had an answer or its process was dead
    std::string outcome{};         ///< "ok", or the category of the error
    std::string words{};           ///< the error's text, or what else was answered
    std::uint64_t granted{};       ///< the epoch that was got
    std::vector<grant_id> ended{}; ///< the delegations that were reported as ended

    [[nodiscard]] bool is_done() const { return outcome == "ok"; }

    [[nodiscard]] bool is_pending() const { return answered == never; }
};

/// Writes one log.
class deed_writer {
public:
    deed_writer(const std::string& path, shared_clock& clock)
        : file_{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)},
          clock_{&clock} {
        if (file_ < 0) {
            throw std::runtime_error{"no log"};
        }
        line({"start"});
    }

    deed_writer(const deed_writer&) = delete;
    deed_writer& operator=(const deed_writer&) = delete;

    ~deed_writer() { ::close(file_); }

    void begin(std::string_view what, const grant_id& by, std::string_view other = {}) {
        line({"begin", what, by.pod, std::to_string(by.granted), other});
    }

    void answer(std::string_view outcome,
                std::string_view words,
                std::uint64_t granted,
                const std::vector<grant_id>& ended) {
        std::string list;
        for (const auto& one : ended) {
            list += std::to_string(one.granted) + '/' + one.pod + ',';
        }
        line({"answer", outcome, words, std::to_string(granted), list});
    }

    void told(std::string_view notification) { line({"told", notification}); }

private:
    // One write for each line: whoever is killed has written it or has not.
    void line(std::initializer_list<std::string_view> fields) {
        std::string text = std::to_string(clock_->fetch_add(1));
        for (const auto field : fields) {
            text += '\t';
            for (const char c : field) {
                text += c == '\t' || c == '\n' ? ' ' : c;
            }
        }
        text += '\n';
        if (::write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw std::runtime_error{"the log cannot be written"};
        }
    }

    int file_;
    shared_clock* clock_;
};

/// All that was logged.
struct deeds {
    std::vector<deed> all{};
    std::set<std::string> told{}; ///< the notifications that sinks have got

    /// @param over when the process that wrote the log was known to be dead
    void read(const std::string& path, std::uint64_t over) {
        std::ifstream file{path};
        for (std::string line; std::getline(file, line);) {
            if (file.eof()) {
                break; // torn
            }
            const auto fields = split(line, '\t');
            const auto stamp = std::stoull(fields.at(0));
            if (fields.at(1) == "begin") {
                all.push_back({.what = fields.at(2),
                               .by = {fields.at(3), std::stoull(fields.at(4))},
                               .other = fields.at(5),
                               .begun = stamp,
                               .over = over});
            } else if (fields.at(1) == "answer") {
                auto& one = all.back();
                one.answered = stamp;
                one.over = stamp;
                one.outcome = fields.at(2);
                one.words = fields.at(3);
                one.granted = std::stoull(fields.at(4));
                for (const auto& end : split(fields.at(5), ',')) {
                    if (const auto slash = end.find('/'); slash != std::string::npos) {
                        one.ended.push_back(
                            {end.substr(slash + 1), std::stoull(end.substr(0, slash))});
                    }
                }
            } else if (fields.at(1) == "told") {
                told.insert(fields.at(2));
            }
        }
    }

private:
    static std::vector<std::string> split(const std::string& line, char at) {
        std::vector<std::string> fields;
        for (std::size_t start = 0;;) {
            const auto end = line.find(at, start);
            fields.push_back(line.substr(start, end - start));
            if (end == std::string::npos) {
                return fields;
            }
            start = end + 1;
        }
    }
};

} // namespace regimes
