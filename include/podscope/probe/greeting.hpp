// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/names.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/proc_file.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace podscope {

/// What a pod says to whoever connects to its endpoint, before anything else and unasked: one line,
///
///     podscope 1 <pod> <epoch>\n
///
/// with the version of the greeting, the pod's name as it is (it may hold blanks, so that the epoch
/// is what follows the last one), and the epoch of its allocation in decimal. It may close the
/// connection then. Nothing is ever sent to it.
class greeting {
public:
    static constexpr std::string_view magic = "podscope ";
    static constexpr std::string_view version = "1";
    /// The longest greeting, in bytes.
    static constexpr std::size_t max_length = magic.size() + version.size() + 1 + max_name_length +
                                              1 + std::numeric_limits<std::uint64_t>::digits10 + 1 +
                                              1;

    /// `pod` must be a pod's name: `check_name`.
    greeting(std::string_view pod, epoch granted) noexcept {
        append(magic);
        append(version);
        append(" ");
        append(pod.substr(0, max_name_length));
        append(" ");
        const auto [end, _] = std::to_chars(text_.data() + length_, text_.data() + text_.size(),
                                            static_cast<std::uint64_t>(granted));
        length_ = static_cast<std::size_t>(end - text_.data());
        append("\n");
    }

    /// The whole line, its newline included.
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), length_}; }

private:
    void append(std::string_view part) noexcept {
        length_ += part.copy(text_.data() + length_, part.size());
    }

    std::array<char, max_length> text_{};
    std::size_t length_{};
};

namespace probe_detail {

/// What follows from the bytes that a peer has sent so far: nothing while they may become a
/// greeting.
[[nodiscard]] inline std::optional<verdict> judge_greeting(std::string_view heard,
                                                           const probe_subject& subject) {
    const auto magic = heard.substr(0, greeting::magic.size());
    if (magic != greeting::magic.substr(0, magic.size())) {
        return verdict::unreachable;
    }
    const auto line = heard.substr(0, heard.find('\n'));
    const bool whole = line.size() < heard.size();
    if (!whole && heard.size() < greeting::max_length) {
        return std::nullopt;
    }
    // No line ends within the magic, or what was heard would differ from it.
    auto rest = line.substr(greeting::magic.size());
    const auto spoken = rest.substr(0, rest.find(' '));
    if (spoken != greeting::version) {
        // A pod that speaks a later version answers all right; who it is cannot be told.
        return parse_number<std::uint64_t>(spoken) ? verdict::unknown : verdict::unreachable;
    }
    rest.remove_prefix(std::min(spoken.size() + 1, rest.size()));
    const auto blank = rest.rfind(' ');
    if (!whole || blank == std::string_view::npos) {
        return verdict::unreachable;
    }
    const auto pod = rest.substr(0, blank);
    const auto granted = parse_number<std::uint64_t>(rest.substr(blank + 1));
    if (!granted || !check_name(pod)) {
        return verdict::unreachable;
    }
    const bool same = pod == subject.pod && epoch{*granted} == subject.granted;
    return same ? verdict::reachable : verdict::missing;
}

} // namespace probe_detail
} // namespace podscope
