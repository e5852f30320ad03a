// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/boot_id.hpp>
#include <podscope/error.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/names.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/monotonic_clock.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/probe/vantage.hpp>
#include <podscope/result.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace podscope {

/// What the endpoint of a heartbeat begins with; the absolute path of its file follows.
inline constexpr std::string_view heartbeat_endpoint_scheme = "heartbeat:";

namespace probe_detail {

inline constexpr std::string_view heartbeat_magic = "podscope-heartbeat 1 ";

/// What a heartbeat's file says, in one line: when the last beat was, and whose it is. The name is
/// last, since it may hold blanks.
struct heartbeat_line {
    boot_id boot{};
    std::int64_t at_ms{};
    epoch granted{};
    std::string_view pod{};

    /// All beats of one incarnation are lines of one length, so that one written over another
    /// leaves nothing of it.
    [[nodiscard]] std::string to_text() const {
        auto when = std::to_string(at_ms);
        when.insert(0, 20 - when.size(), '0'); // of 64 bits, with a sign
        std::string text{heartbeat_magic};
        text += boot.to_text() + " " + when + " ";
        text += std::to_string(static_cast<std::uint64_t>(granted)) + " ";
        text += pod;
        return text + "\n";
    }

    [[nodiscard]] static std::optional<heartbeat_line> from_text(std::string_view text) {
        const auto end = text.find('\n');
        if (!text.starts_with(heartbeat_magic) || end == std::string_view::npos) {
            return std::nullopt;
        }
        auto rest = text.substr(0, end).substr(heartbeat_magic.size());
        const auto word = [&] {
            const auto next = rest.substr(0, rest.find(' '));
            rest.remove_prefix(next.size() + (next.size() < rest.size() ? 1 : 0));
            return next;
        };
        const auto boot = boot_id::from_text(word());
        const auto when = parse_number<std::int64_t>(word());
        const auto granted = parse_number<std::uint64_t>(word());
        if (!boot || !when || !granted || !check_name(rest)) {
            return std::nullopt;
        }
        return heartbeat_line{*boot, *when, epoch{*granted}, rest};
    }
};

} // namespace probe_detail

/// Says in a file that its pod is alive, whenever it is told to: for a program whose main loop has
/// no room for a socket, and for one that is only alive while it gets somewhere.
///
/// The file is the pod's alone. One write of less than a page for each beat, never synced. For one
/// thread at a time. A forked copy of the process is not the pod's: there it does not beat.
class heartbeat {
public:
    /// Opens or makes the file, and beats once. Its folder must be there, and a link is refused.
    ///
    /// Errors: `io`, with EINVAL if the path is not absolute, as that of an endpoint has to be, or
    /// holds a NUL; `invalid_name`; `unavailable` if /proc does not say which boot this is.
    [[nodiscard]] static result<heartbeat>
    at(std::string path, std::string_view pod, epoch granted) {
        return guarded([&]() -> result<heartbeat> {
            if (auto checked = check_name(pod); !checked) {
                return fail(checked);
            }
            if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
                return fail(probe_detail::system_error(
                    EINVAL, "a heartbeat's path must be absolute", std::move(path)));
            }
            auto here = probe_detail::present_vantage();
            if (!here) {
                return fail(here);
            }
            constexpr int careful = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
            os_detail::file_descriptor file{::open(path.c_str(), careful, 0600)};
            if (!file) {
                return fail(probe_detail::system_error(errno, "cannot open a heartbeat's file",
                                                       std::move(path)));
            }
            heartbeat made{std::move(path), std::string{pod}, granted, here->boot, std::move(file)};
            if (auto beaten = made.beat(); !beaten) {
                return fail(beaten);
            }
            // What a former incarnation wrote may be longer. Not before the beat: who is asked
            // after in between would not be there.
            const auto length = static_cast<off_t>(made.line().size());
            if (::ftruncate(made.file_.get(), length) != 0) {
                return fail(probe_detail::system_error(errno, "cannot cut a heartbeat's file",
                                                       std::move(made.path_)));
            }
            return made;
        });
    }

    /// The pod is alive now.
    ///
    /// Errors: `io`, `forked`.
    [[nodiscard]] result<void> beat() {
        return guarded([&]() -> result<void> {
            if (!born_.is_current()) {
                return fail({.category = errc::forked,
                             .message = "a heart beats in the process that made it, and in no "
                                        "forked copy: who lives there is not the pod",
                             .subject = pod_});
            }
            const auto text = line();
            const auto written = os_detail::uninterrupted(
                [&] { return ::pwrite(file_.get(), text.data(), text.size(), 0); });
            if (written != static_cast<ssize_t>(text.size())) {
                return fail(probe_detail::system_error(written < 0 ? errno : ENOSPC,
                                                       "cannot write a heartbeat", path_));
            }
            return {};
        });
    }

    /// To be the endpoint of the pod: named when that adopts, if the heart has beaten under the
    /// grant's epoch by then, or else given to `set_endpoint` after the first beat. Not at a
    /// restore, which makes the epoch: until it beats under that, the file would say that the pod
    /// is gone.
    [[nodiscard]] std::string endpoint() const {
        return std::string{heartbeat_endpoint_scheme} + path_;
    }

private:
    heartbeat(std::string path,
              std::string pod,
              epoch granted,
              const boot_id& boot,
              os_detail::file_descriptor file) noexcept
        : path_{std::move(path)},
          pod_{std::move(pod)},
          granted_{granted},
          boot_{boot},
          file_{std::move(file)} {}

    [[nodiscard]] std::string line() const {
        return probe_detail::heartbeat_line{boot_, probe_detail::monotonic_ms(), granted_, pod_}
            .to_text();
    }

    std::string path_;
    std::string pod_;
    epoch granted_;
    boot_id boot_;
    os_detail::file_descriptor file_;
    fork_stamp born_{};
};

/// Tells by their heartbeats who is alive. Endpoints are of the form `heartbeat:/absolute/path`.
///
/// | the file | verdict |
/// | --- | --- |
/// | the subject's last beat is no older than `longest_silence` | reachable |
/// | it is older | unreachable |
/// | another pod or epoch beats there, or it is of another boot | missing |
/// | is not there, or says anything else | unreachable |
/// | may not be read; a beat to come (a time namespace with other clocks) | unknown |
/// | no endpoint, or one of another form | unknown |
///
/// One machine, one time namespace, and a file system whose pages all processes share. Asks nobody
/// and never waits: one short read for each subject. Choose several times what lies between two
/// beats. No state: may be called from several threads at once, and in forked copies.
class heartbeat_probe {
public:
    explicit heartbeat_probe(std::chrono::milliseconds longest_silence) noexcept
        : longest_silence_{longest_silence} {}

    void
    probe(std::span<const probe_subject> subjects, deadline, std::span<verdict> verdicts) const {
        const auto here = probe_detail::present_vantage();
        for (std::size_t i = 0; here && i < subjects.size(); ++i) {
            const std::string_view endpoint = subjects[i].endpoint;
            if (endpoint.starts_with(heartbeat_endpoint_scheme)) {
                verdicts[i] = judge(std::string{endpoint.substr(heartbeat_endpoint_scheme.size())},
                                    subjects[i], here->boot);
            }
        }
    }

private:
    [[nodiscard]] verdict
    judge(const std::string& path, const probe_subject& subject, const boot_id& boot) const {
        if (!path.starts_with('/')) {
            return verdict::unknown;
        }
        const os_detail::file_descriptor file{
            ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)};
        if (!file) {
            return errno == ENOENT || errno == ENOTDIR ? verdict::unreachable : verdict::unknown;
        }
        std::array<char, 1024> text{};
        const auto got = os_detail::uninterrupted(
            [&] { return ::pread(file.get(), text.data(), text.size(), 0); });
        if (got < 0) {
            return verdict::unknown;
        }
        const auto line =
            probe_detail::heartbeat_line::from_text({text.data(), static_cast<std::size_t>(got)});
        if (!line) {
            return verdict::unreachable;
        }
        if (line->boot != boot || line->pod != subject.pod || line->granted != subject.granted) {
            return verdict::missing;
        }
        const auto silence = probe_detail::monotonic_ms() - line->at_ms;
        return silence < 0                          ? verdict::unknown
               : silence > longest_silence_.count() ? verdict::unreachable
                                                    : verdict::reachable;
    }

    std::chrono::milliseconds longest_silence_;
};

static_assert(reachability_probe<const heartbeat_probe>);

} // namespace podscope
