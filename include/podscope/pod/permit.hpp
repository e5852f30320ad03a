// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// That a pod might do something at a place when it asked, under the epoch of its allocation: to be
/// shown to whoever does it on the pod's behalf, in this process or another.
///
/// It is a statement and no right: `basic_runtime::validate` says whether it still holds. A service
/// that cannot ask a runtime may keep the highest fence that it has seen for a place, and refuse
/// what is below: whoever gets a place has a higher one than all who had it before, be it from
/// above or back from below. No secret, and nothing that could not be made up.
struct permit {
    grant by{}; ///< the pod, and the epoch of its allocation
    resource place{};
    permission access{permission::none};
    std::optional<epoch> returned{}; ///< as allocation::returned, when it was given

    /// The fencing token. Not `by.granted`: the epoch of a pod whose child is gone is lower than
    /// the child's.
    [[nodiscard]] epoch fence() const noexcept { return returned.value_or(by.granted); }

    /// As one word of printable ASCII, for a header or a command line:
    /// `17/planner/write/ws/a%20file`, and `17+23/planner/…` if scope has returned at epoch 23.
    [[nodiscard]] std::string to_text() const;

    /// Reads what `to_text` wrote.
    ///
    /// Errors: `invalid_name`, `invalid_target`.
    [[nodiscard]] static result<permit> from_text(std::string_view text);

    friend bool operator==(const permit&, const permit&) = default;
};

namespace pod_detail {

[[nodiscard]] constexpr bool is_plain_in_permit(char c) noexcept {
    return c > ' ' && c < '\x7f' && c != '%' && c != '/';
}

inline void put_escaped(std::string& out, std::string_view component) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : component) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_plain_in_permit(c)) {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        }
    }
}

// Takes what is no escape as it stands.
[[nodiscard]] inline std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digits = text.substr(i).substr(0, 3);
        std::uint8_t byte{};
        if (digits.size() == 3 && digits.front() == '%' &&
            std::from_chars(&digits[1], &digits[1] + 2, byte, 16).ptr == &digits[1] + 2) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Cuts off what stands before the next slash, and the slash.
[[nodiscard]] inline std::string_view cut_part(std::string_view& rest) noexcept {
    const auto part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
}

} // namespace pod_detail

inline std::string permit::to_text() const {
    // A name may hold what a word may not.
    std::string text = std::to_string(static_cast<std::uint64_t>(by.granted));
    if (returned) {
        text += "+" + std::to_string(static_cast<std::uint64_t>(*returned));
    }
    text += "/";
    pod_detail::put_escaped(text, by.pod);
    text += "/";
    text += to_string(access);
    if (place.is_root()) {
        text += '/';
    }
    place.for_each_component([&](std::string_view component) {
        text += '/';
        pod_detail::put_escaped(text, component);
    });
    return text;
}

inline result<permit> permit::from_text(std::string_view text) {
    const failure refused =
        fail({.category = errc::invalid_target,
              .message = "a permit is written as an epoch, a pod's name, 'read' or 'write', and a "
                         "place, with slashes between them",
              .subject = std::string{text}});
    auto rest = text;
    const auto epochs = pod_detail::cut_part(rest);
    const auto granted = std::string{epochs.substr(0, epochs.find('+'))};
    auto by = grant::from_text(granted + "/" + pod_detail::unescaped(pod_detail::cut_part(rest)));
    if (!by) {
        return fail(by);
    }
    permit read{.by = *std::move(by)};
    if (granted.size() != epochs.size()) {
        std::uint64_t number{};
        std::from_chars(epochs.data() + granted.size() + 1, epochs.data() + epochs.size(), number);
        read.returned = epoch{number};
    }
    const auto access = pod_detail::cut_part(rest);
    read.access = access == "write" ? permission::write : permission::read;
    while (!rest.empty()) {
        const auto component = pod_detail::unescaped(pod_detail::cut_part(rest));
        if (component.empty() || component.find('\0') != std::string::npos) {
            return refused;
        }
        read.place.push(component);
    }
    // Whatever else is wrong with it is not what would be written.
    return read.to_text() == text ? result<permit>{std::move(read)} : refused;
}

} // namespace podscope
