// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/manifest.hpp>
#include <podscope/pod/near_miss.hpp>
#include <podscope/pod/text_file.hpp>
#include <podscope/pod/toml_nesting.hpp>
#include <podscope/result.hpp>

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Manifests and teams in TOML (by toml++, which a program that includes this header needs):
///
///     name = "planner"
///     root = "/home/me/project"                 # what relative targets are taken from
///     allow = [ { read = "." } ]                # a rule: read or write, and a target
///     deny = [ { write = ".git" } ]
///     authority = [ { write = "." } ]           # absent: what it may do; []: nothing
///     peers = [ "reviewer" ]
///     if_unreachable = "keep"                   # or "fence", "terminate"
///     reason = "splits the work on issue 7"     # for whoever asks who holds a place
///
///     [[child]]                                 # in a team, as deep as it goes
///     name = "docs"
///     allow = [ { write = "docs" }, { read = "src", recursive = false } ]
///
///     [[child.child]]
///     name = "spelling"
///     allow = [ { write = "docs/words" } ]
///
/// `name` and a rule that allows something, or that may be handed on, are needed; all else may be
/// left out. `recursive` is true unless it is false. `root` holds for children too, until one of
/// them has a root of its own; it is taken from the parent's if it is relative.
///
/// Every function gives `invalid_manifest` (or `invalid_name`) with the file's name, the line and
/// the column, as data and in front of the sentence. A key that is not known is an error: it might
/// be a deny that was misspelt. A text is refused above 64 MiB, and where it nests deeper than 64
/// levels; within that, the number of rules is free.
namespace podscope {

/// The longest manifest, in bytes.
inline constexpr std::size_t max_manifest_length = std::size_t{64} << 20U;

/// Reads the manifest of one pod. `source` is the text's name in errors. `root` is what a relative
/// target is taken from where the text itself says nothing; with none, such a target stays as it
/// is, which suits a namespace that is no file path.
[[nodiscard]] result<manifest> manifest_from_toml(std::string_view text,
                                                  std::string_view source = "manifest",
                                                  std::string_view root = {}) noexcept;

/// The same for a pod and its children. No two of them may have the same name.
[[nodiscard]] result<team> team_from_toml(std::string_view text,
                                          std::string_view source = "team",
                                          std::string_view root = {}) noexcept;

/// The same for a file. Where the caller gives no root, a relative `root` in the file is taken from
/// the file's own folder. Errors: `io` besides.
[[nodiscard]] result<manifest> read_manifest(const std::string& path,
                                             std::string_view root = {}) noexcept;

[[nodiscard]] result<team> read_team(const std::string& path, std::string_view root = {}) noexcept;

namespace pod_detail {

/// Why a text is refused: thrown within the reader, and caught where it ends.
struct refused_text {
    error why;
};

/// Makes manifests of what toml++ has parsed.
class toml_reader {
public:
    /// `base` is what a relative `root` in the text is taken from, `root` what a target is.
    toml_reader(std::string_view source, std::string base, std::string root)
        : source_{source},
          base_{std::move(base)},
          root_{std::move(root)} {}

    [[nodiscard]] manifest read_manifest(std::string_view text) const {
        const toml::table table = parse(text);
        if (const toml::node* const child = table.get("child")) {
            refuse(at(*child),
                   "'child' makes a team of it, which is not to be read as one manifest", "child");
        }
        return pod(table, root_);
    }

    [[nodiscard]] team read_team(std::string_view text) { return member(parse(text), root_); }

private:
    static constexpr std::size_t max_depth = 64;
    static constexpr std::array<std::string_view, 9> pod_keys{
        "name", "root", "allow", "deny", "authority", "peers", "if_unreachable", "reason", "child"};
    static constexpr std::array<std::string_view, 3> rule_keys{"read", "write", "recursive"};
    static constexpr std::string_view rules_wanted = "a list of rules such as { read = \"/ws\" }";

    template <class Node>
    [[nodiscard]] static text_position at(const Node& node) {
        return {node.source().begin.line, node.source().begin.column};
    }

    [[noreturn]] void
    refuse(text_position where, std::string reason, std::string_view subject = {}) const {
        throw refused_text{written_at({.category = errc::invalid_manifest,
                                       .message = std::move(reason),
                                       .subject = std::string{subject}},
                                      source_, where)};
    }

    [[noreturn]] void
    refuse_type(const toml::node& found, std::string_view key, std::string_view wanted) const {
        std::string reason = "'";
        reason.append(key).append("' has to be ").append(wanted);
        reason.append(", and there is ").append(in_words(found.type()));
        refuse(at(found), std::move(reason), key);
    }

    [[nodiscard]] static std::string_view in_words(toml::node_type type) noexcept {
        switch (type) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "a list";
        case toml::node_type::string: return "a text";
        case toml::node_type::integer:
        case toml::node_type::floating_point: return "a number";
        case toml::node_type::boolean: return "true or false";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time: return "a date or time";
        case toml::node_type::none: break;
        }
        return "nothing";
    }

    [[nodiscard]] toml::table parse(std::string_view text) const {
        if (text.size() > max_manifest_length) {
            refuse({1, 1}, "the text is longer than 64 MiB");
        }
        if (const auto deep = toml_nesting{text}.deeper_than(max_depth)) {
            refuse(*deep, "the text nests deeper than 64 levels");
        }
        const auto not_toml = [&](const toml::parse_error& e) {
            refuse(at(e), "this is not TOML: " + std::string{e.description()});
        };
#if TOML_EXCEPTIONS
        try {
            return toml::parse(text);
        } catch (const toml::parse_error& e) {
            not_toml(e);
            throw;
        }
#else
        auto parsed = toml::parse(text);
        if (!parsed) {
            not_toml(parsed.error());
        }
        return std::move(parsed).table();
#endif
    }

    // Refuses a table with keys that are not known: names all of them, at the place of the first.
    void check_keys(const toml::table& table,
                    std::span<const std::string_view> known,
                    const std::string& what) const {
        std::map<std::pair<std::uint64_t, std::uint64_t>, std::string_view> unknown;
        for (const auto& [key, value] : table) {
            if (std::ranges::find(known, key.str()) == known.end()) {
                unknown.emplace(std::pair{at(key).line, at(key).column}, key.str());
            }
        }
        if (unknown.empty()) {
            return;
        }
        std::string reason;
        for (const auto& [where, key] : unknown) {
            reason += (reason.empty() ? what : "; " + what) + " has no '" + shown_text(key) + "'";
            if (const auto meant = nearest(key, known); !meant.empty()) {
                reason += ", was '" + std::string{meant} + "' meant?";
            }
        }
        const auto& [where, key] = *unknown.begin();
        refuse({where.first, where.second}, std::move(reason), key);
    }

    // What stands under a key, if anything does; refused if it is of another type.
    template <class T>
    [[nodiscard]] const T*
    find(const toml::table& table, std::string_view key, std::string_view wanted) const {
        const toml::node* const found = table.get(key);
        if (found != nullptr && found->as<T>() == nullptr) {
            refuse_type(*found, key, wanted);
        }
        return found != nullptr ? found->as<T>() : nullptr;
    }

    // The list under a key, if there is one, each member read by `read`.
    template <class Read>
    [[nodiscard]] auto list_of(const toml::table& table,
                               std::string_view key,
                               std::string_view wanted,
                               Read&& read) const {
        std::optional<std::vector<std::invoke_result_t<Read, const toml::node&>>> members;
        if (const auto* const list = find<toml::array>(table, key, wanted)) {
            members.emplace().reserve(list->size());
            for (const toml::node& member : *list) {
                members->push_back(read(member));
            }
        }
        return members;
    }

    [[nodiscard]] static std::string joined(const std::string& root, const std::string& target) {
        const bool stays = root.empty() || target.empty() || target.front() == '/';
        return stays ? target : root + "/" + target;
    }

    [[nodiscard]] rule_text
    rule(const toml::node& node, std::string_view list, const std::string& root) const {
        const auto* const table = node.as_table();
        if (table == nullptr) {
            refuse_type(node, list, rules_wanted);
        }
        check_keys(*table, rule_keys, "a rule");
        const auto* const reads = find<toml::value<std::string>>(*table, "read", "a text");
        const auto* const writes = find<toml::value<std::string>>(*table, "write", "a text");
        const auto* const recursive = find<toml::value<bool>>(*table, "recursive", "true or false");
        if ((reads == nullptr) == (writes == nullptr)) {
            refuse(at(*table), "a rule has to have either 'read' or 'write', and its target", list);
        }
        return {.target = joined(root, writes != nullptr ? writes->get() : reads->get()),
                .access = writes != nullptr ? permission::write : permission::read,
                .recursive = recursive == nullptr || recursive->get(),
                .position = at(*table)};
    }

    // What the targets of a pod are taken from, and those of its children.
    [[nodiscard]] std::string root_of(const toml::table& table, const std::string& outer) const {
        const auto* const own = find<toml::value<std::string>>(table, "root", "a text");
        if (own == nullptr) {
            return outer;
        }
        std::string root = joined(outer.empty() ? base_ : outer, own->get());
        if (!root.starts_with('/')) {
            refuse(at(*own), "the root is relative, and there is nothing to take it from", "root");
        }
        return root;
    }

    [[nodiscard]] std::optional<when_unreachable> unreachable(const toml::table& table) const {
        const auto* const said = find<toml::value<std::string>>(table, "if_unreachable", "a text");
        if (said == nullptr) {
            return std::nullopt;
        }
        for (const auto one :
             {when_unreachable::fence, when_unreachable::keep, when_unreachable::terminate}) {
            if (to_string(one) == said->get()) {
                return one;
            }
        }
        refuse(at(*said),
               "'if_unreachable' has to be 'fence', 'keep' or 'terminate', not '" +
                   shown_text(said->get()) + "'",
               said->get());
    }

    [[nodiscard]] manifest pod(const toml::table& table, const std::string& outer) const {
        check_keys(table, pod_keys, "a pod");
        const auto* const name = find<toml::value<std::string>>(table, "name", "a text");
        if (name == nullptr) {
            refuse(at(table), "a pod has to have a 'name'", "name");
        }
        const std::string root = root_of(table, outer);
        const auto rules = [&](std::string_view key) {
            return list_of(table, key, rules_wanted,
                           [&](const toml::node& node) { return rule(node, key, root); });
        };
        const auto* const why = find<toml::value<std::string>>(table, "reason", "a text");
        const auto peer = [&](const toml::node& node) {
            if (!node.is_string()) {
                refuse_type(node, "peers", "a list of names");
            }
            return node.as_string()->get();
        };
        manifest read{.name = name->get(),
                      .allow = rules("allow").value_or(std::vector<rule_text>{}),
                      .deny = rules("deny").value_or(std::vector<rule_text>{}),
                      .authority = rules("authority"),
                      .peers = list_of(table, "peers", "a list of names", peer),
                      .unreachable = unreachable(table),
                      .reason = why != nullptr ? std::optional{why->get()} : std::nullopt,
                      .source = source_,
                      .position = at(*name)};
        if (auto checked = check_manifest(read); !checked) {
            throw refused_text{std::move(checked).error()};
        }
        return read;
    }

    [[nodiscard]] team member(const toml::table& table, const std::string& outer) {
        team read{.pod = pod(table, outer)};
        const auto [first, is_new] = named_.emplace(read.pod.name, *read.pod.position);
        if (!is_new) {
            refuse(*read.pod.position,
                   "the name '" + read.pod.name + "' is taken on line " +
                       std::to_string(first->second.line),
                   read.pod.name);
        }
        const std::string root = root_of(table, outer);
        constexpr std::string_view wanted = "a list of tables, each [[child]]";
        const auto child = [&](const toml::node& node) {
            if (!node.is_table()) {
                refuse_type(node, "child", wanted);
            }
            return member(*node.as_table(), root);
        };
        read.children = list_of(table, "child", wanted, child).value_or(std::vector<team>{});
        return read;
    }

    std::string source_;
    std::string base_;
    std::string root_;
    std::map<std::string, text_position> named_{};
};

/// Runs what reads, and makes a result of what comes out.
template <class Read>
[[nodiscard]] result<std::invoke_result_t<Read>> caught(Read&& read) noexcept {
    return guarded([&]() -> result<std::invoke_result_t<Read>> {
        try {
            return read();
        } catch (refused_text& refused) {
            return fail(std::move(refused.why));
        }
    });
}

/// Reads a file whose relative `root`, if it has one, is taken from `root` or else from the file's
/// folder.
template <class Read>
[[nodiscard]] auto from_file(const std::string& path, std::string_view root, Read&& read) noexcept {
    return caught([&] {
        auto text = read_text_file(path, max_manifest_length);
        if (!text) {
            throw refused_text{std::move(text).error()};
        }
        toml_reader reader{path, root.empty() ? folder_of(path) : std::string{root},
                           std::string{root}};
        return read(reader, *text);
    });
}

} // namespace pod_detail

inline result<manifest>
manifest_from_toml(std::string_view text, std::string_view source, std::string_view root) noexcept {
    return pod_detail::caught([&] {
        const std::string base{root};
        return pod_detail::toml_reader{source, base, base}.read_manifest(text);
    });
}

inline result<team>
team_from_toml(std::string_view text, std::string_view source, std::string_view root) noexcept {
    return pod_detail::caught([&] {
        const std::string base{root};
        return pod_detail::toml_reader{source, base, base}.read_team(text);
    });
}

inline result<manifest> read_manifest(const std::string& path, std::string_view root) noexcept {
    return pod_detail::from_file(path, root, [](auto& reader, const std::string& text) {
        return reader.read_manifest(text);
    });
}

inline result<team> read_team(const std::string& path, std::string_view root) noexcept {
    return pod_detail::from_file(
        path, root, [](auto& reader, const std::string& text) { return reader.read_team(text); });
}

} // namespace podscope
