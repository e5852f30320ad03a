// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "plain_table.hpp"
#include "plain_table_json.hpp"

#include <podscope/probe/this_process.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope_bench {

/// The plain scheme: one file with one JSON table, which whoever wants something locks, reads and
/// parses whole, changes, truncates and writes again.
///
/// What most programs do that share a table between processes, and a fair reference for a registry
/// on disk: the file stays open, buffers are used again, the text has no needless space, and
/// parsing makes no values that the table does not keep. Whoever enters a pod first asks the system
/// about the process of each, as is the custom, since the dead would be in the way otherwise. It
/// keeps the same exclusion as podscope's registry does, but no epochs, no history and no
/// notifications; and a crash between truncating and writing leaves a file that reads as "nobody
/// owns anything", whatever is synced.
class plain_scheme {
public:
    enum class sync : std::uint8_t { none, data };

    /// Opens the table, or makes an empty one. Throws std::system_error if it cannot, as every
    /// call does.
    plain_scheme(const std::filesystem::path& file, sync how)
        : fd_{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)},
          sync_{how} {
        must(fd_ != -1, "open");
    }

    plain_scheme(const plain_scheme&) = delete;
    plain_scheme& operator=(const plain_scheme&) = delete;

    ~plain_scheme() { ::close(fd_); }

    /// A pod that has its rules from nobody. `conflict` if any pod may write where they do.
    [[nodiscard]] plain_outcome
    register_pod(std::string name, std::string parent, std::vector<plain_rule> write_rules) {
        return changing([&](plain_table& table) {
            drop_the_dead(table);
            return table.add(row(std::move(name), std::move(parent), std::move(write_rules)));
        });
    }

    /// A pod that has its rules from its parent, which gets a deny layer for each. `conflict` if
    /// anybody else may write where they do.
    [[nodiscard]] plain_outcome
    delegate(std::string parent, std::string child, std::vector<plain_rule> write_rules) {
        return changing([&](plain_table& table) {
            drop_the_dead(table);
            return table.delegate(row(std::move(child), std::move(parent), std::move(write_rules)));
        });
    }

    /// The same for many children, each with one rule, in one change; done if it is for all.
    [[nodiscard]] plain_outcome
    delegate_all(const std::string& parent,
                 std::vector<std::pair<std::string, plain_rule>> children) {
        return changing([&](plain_table& table) {
            drop_the_dead(table);
            for (auto& [child, rule] : children) {
                const auto one = table.delegate(row(std::move(child), parent, {std::move(rule)}));
                if (one != plain_outcome::done) {
                    return one;
                }
            }
            return plain_outcome::done;
        });
    }

    /// Takes what a child has back for its parent: its allocation and the parent's layers go.
    [[nodiscard]] plain_outcome reclaim(std::string_view child) {
        return changing([&](plain_table& table) { return table.remove(child); });
    }

    /// The same, asked for by the pod itself.
    [[nodiscard]] plain_outcome release(std::string_view name) {
        return changing([&](plain_table& table) { return table.remove(name); });
    }

    /// As plain_table::conflict_search, on the table as it stands in the file.
    [[nodiscard]] std::vector<std::string> conflict_search(std::span<const plain_rule> write_rules,
                                                           std::string_view on_behalf_of = {}) {
        return read().conflict_search(write_rules, on_behalf_of);
    }

    [[nodiscard]] bool may_write(std::string_view pod, std::string_view path) {
        return read().may_write(pod, path);
    }

    /// The table as it stands in the file.
    [[nodiscard]] plain_table read() {
        const lock held{fd_, LOCK_SH};
        return load();
    }

private:
    class lock {
    public:
        lock(int fd, int how) : fd_{fd} {
            int answer = ::flock(fd, how);
            while (answer == -1 && errno == EINTR) {
                answer = ::flock(fd, how);
            }
            must(answer == 0, "lock");
        }

        lock(const lock&) = delete;
        lock& operator=(const lock&) = delete;

        ~lock() { ::flock(fd_, LOCK_UN); }

    private:
        int fd_;
    };

    static void must(bool done, const char* what) {
        if (!done) {
            throw std::system_error{errno, std::generic_category(), what};
        }
    }

    // Asked of the library, as it is asked once and not what is measured.
    [[nodiscard]] static plain_process this_process() {
        const auto self = podscope::this_process();
        if (!self) {
            throw std::runtime_error{"who this process is cannot be read"};
        }
        return {.pid = self->pid, .started = static_cast<std::int64_t>(self->start_time)};
    }

    [[nodiscard]] plain_pod
    row(std::string name, std::string parent, std::vector<plain_rule> write_rules) const {
        return {.name = std::move(name),
                .parent = std::move(parent),
                .owner = self_,
                .write = std::move(write_rules)};
    }

    // By number alone, as the plain scheme does: a pid that was given to somebody else counts.
    static void drop_the_dead(plain_table& table) {
        std::vector<std::string> dead;
        for (const plain_pod& pod : table.pods()) {
            if (::kill(static_cast<pid_t>(pod.owner.pid), 0) != 0 && errno == ESRCH) {
                dead.push_back(pod.name);
            }
        }
        for (const auto& name : dead) {
            (void)table.remove(name);
        }
    }

    template <class F>
    [[nodiscard]] plain_outcome changing(F&& change) {
        const lock held{fd_, LOCK_EX};
        plain_table table = load();
        const plain_outcome outcome = change(table);
        if (outcome == plain_outcome::done) {
            store(table);
        }
        return outcome;
    }

    [[nodiscard]] plain_table load() {
        struct stat status{};
        must(::fstat(fd_, &status) == 0, "ask for the size of");
        text_.resize(static_cast<std::size_t>(status.st_size));
        for (std::size_t at = 0; at != text_.size();) {
            const ssize_t got =
                ::pread(fd_, text_.data() + at, text_.size() - at, static_cast<off_t>(at));
            must(got != -1, "read");
            if (got == 0) {
                throw std::runtime_error{"the table became shorter under its lock"};
            }
            at += static_cast<std::size_t>(got);
        }
        return text_.empty() ? plain_table{} : plain_table::from_json(text_);
    }

    void store(const plain_table& table) {
        table.to_json(text_);
        must(::ftruncate(fd_, 0) == 0, "truncate");
        for (std::size_t at = 0; at != text_.size();) {
            const ssize_t written =
                ::pwrite(fd_, text_.data() + at, text_.size() - at, static_cast<off_t>(at));
            must(written != -1, "write");
            at += static_cast<std::size_t>(written);
        }
        if (sync_ == sync::data) {
            must(::fdatasync(fd_) == 0, "sync");
        }
    }

    int fd_;
    sync sync_;
    plain_process self_{this_process()};
    std::string text_{};
};

} // namespace podscope_bench
