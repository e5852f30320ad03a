// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/manifest.hpp>
#include <podscope/pod/manifest_toml.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/permission.hpp>

#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace demo {

/// The team and what it works on: the manifests, whose targets lie in a folder of this run.
class workspace {
public:
    [[nodiscard]] static podscope::result<workspace> read(const std::string& team_file,
                                                          const std::string& scratch_folder) {
        const auto folder = scratch_folder + "/workspace";
        auto team = podscope::read_team(team_file, folder);
        if (!team) {
            return podscope::fail(team);
        }
        return workspace{folder, std::move(*team)};
    }

    [[nodiscard]] const podscope::team& team() const noexcept { return team_; }

    /// The part of the team that begins with that pod. Errors: `unknown_pod`.
    [[nodiscard]] podscope::result<podscope::team> team_of(std::string_view pod) const {
        if (const auto* found = find(team_, pod)) {
            return *found;
        }
        return podscope::fail({.category = podscope::errc::unknown_pod,
                               .message = "there is no '" + std::string{pod} + "' in the team",
                               .subject = std::string{pod}});
    }

    /// Every place that the manifest of one of them says that it may write: `docs`, `src/parser`.
    [[nodiscard]] const std::set<std::string>& regions() const noexcept { return regions_; }

    /// The path of a region, or of a file in one.
    [[nodiscard]] std::string path_of(std::string_view region) const {
        return folder_ + "/" + std::string{region};
    }

    /// A path as a region: what comes after the workspace's folder; a dot for the whole.
    [[nodiscard]] std::string region_of(std::string_view path) const {
        if (path == folder_) {
            return ".";
        }
        return std::string{path.starts_with(folder_ + "/") ? path.substr(folder_.size() + 1)
                                                           : path};
    }

    /// A sentence with the same paths in every run: they begin with /workspace.
    [[nodiscard]] std::string shown(std::string sentence) const {
        for (auto at = sentence.find(folder_); at != std::string::npos;
             at = sentence.find(folder_, at)) {
            sentence.replace(at, folder_.size(), "/workspace");
        }
        return sentence;
    }

private:
    workspace(std::string folder, podscope::team team)
        : folder_{std::move(folder)},
          team_{std::move(team)} {
        note_regions(team_);
    }

    void note_regions(const podscope::team& part) {
        for (const auto& rule : part.pod.allow) {
            if (rule.access == podscope::permission::write) {
                regions_.insert(region_of(rule.target));
            }
        }
        for (const auto& child : part.children) {
            note_regions(child);
        }
    }

    static const podscope::team* find(const podscope::team& part, std::string_view pod) {
        if (part.pod.name == pod) {
            return &part;
        }
        for (const auto& child : part.children) {
            if (const auto* found = find(child, pod)) {
                return found;
            }
        }
        return nullptr;
    }

    std::string folder_;
    podscope::team team_;
    std::set<std::string> regions_{};
};

} // namespace demo
