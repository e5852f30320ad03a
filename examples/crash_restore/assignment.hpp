// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

/// What a process of the team is started with, as arguments of the same program.
struct assignment {
    static constexpr std::string_view mark = "--team-process";

    std::string way{};    ///< create, adopt or restore
    std::string what{};   ///< the name of the pod; to adopt, the grant
    std::string label{};  ///< its pod and the number of that pod's processes until now: `artist#2`
    std::string folder{}; ///< the scratch folder
    std::string team{};   ///< the file with the team
    int line{-1};         ///< its end of the line to the demo, a descriptor that it inherits

    /// The name of the pod, which a grant ends with.
    [[nodiscard]] std::string pod() const { return what.substr(what.find('/') + 1); }

    [[nodiscard]] std::vector<std::string> arguments() const {
        return {std::string{mark}, way, what, label, folder, team, std::to_string(line)};
    }

    /// Nothing if the arguments are not those of a process of the team.
    [[nodiscard]] static std::optional<assignment> from(std::span<const std::string> given) {
        if (given.size() != 7 || given[0] != mark) {
            return std::nullopt;
        }
        assignment read{given[1], given[2], given[3], given[4], given[5]};
        const auto& number = given[6];
        const auto* const last = number.data() + number.size();
        const auto [rest, broken] = std::from_chars(number.data(), last, read.line);
        if (broken != std::errc{} || rest != last) {
            return std::nullopt;
        }
        return read;
    }
};

} // namespace demo
