// SPDX-License-Identifier: BSL-1.0
// The input is a manifest in TOML. What is read is a manifest by every other check, and written as
// TOML again it reads as itself; what is refused is refused with its place.
#include "fuzz/target.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/json_writer.hpp>
#include <podscope/pod/manifest_toml.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope;

// A string of TOML is written as one of JSON is.
std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string written(std::string_view key, const std::vector<rule_text>& rules) {
    std::string text{key};
    text += " = [";
    for (const auto& rule : rules) {
        text += "\n  { " + std::string{to_string(rule.access)} + " = " + quoted(rule.target) +
                (rule.recursive ? " }," : ", recursive = false },");
    }
    return text + "]\n";
}

std::string written(const manifest& read) {
    std::string text = "name = " + quoted(read.name) + '\n';
    text += written("allow", read.allow) + written("deny", read.deny);
    if (read.authority) {
        text += written("authority", *read.authority);
    }
    if (read.peers) {
        text += "peers = [";
        for (const auto& peer : *read.peers) {
            text += quoted(peer) + ", ";
        }
        text += "]\n";
    }
    if (read.unreachable) {
        text += "if_unreachable = " + quoted(to_string(*read.unreachable)) + '\n';
    }
    if (read.reason) {
        text += "reason = " + quoted(*read.reason) + '\n';
    }
    return text;
}

manifest without_places(manifest read) {
    read.position.reset();
    read.source.clear();
    for (auto* rules : {&read.allow, &read.deny}) {
        for (auto& rule : *rules) {
            rule.position.reset();
        }
    }
    if (read.authority) {
        for (auto& rule : *read.authority) {
            rule.position.reset();
        }
    }
    return read;
}

void examine_refusal(const error& why) {
    fuzz::expect(why.category == errc::invalid_manifest || why.category == errc::invalid_name,
                 "F38 a refused manifest has another category");
    fuzz::expect(why.position && why.position->line > 0 && why.position->column > 0,
                 "F38 a refusal has no place");
    fuzz::expect(why.path == "source", "F38 a refusal does not name its source");
}

void examine_manifest(const manifest& read) {
    fuzz::expect(check_manifest(read).has_value(), "what was read is no manifest");
    const auto again = manifest_from_toml(written(read), "again");
    fuzz::expect(again.has_value(), "what was read and written is not read again");
    fuzz::expect(without_places(*again) == without_places(read),
                 "what was read and written reads as another one");
    const auto resolved = resolve(read, lexical_path{});
    if (!resolved) {
        fuzz::expect(resolved.error().category == errc::invalid_target && resolved.error().position,
                     "a target that is none has no place");
        return;
    }
    fuzz::expect(decode_record<manifest_snapshot>(encode_record(*resolved)) == *resolved,
                 "a manifest that is stored is another one");
}

void examine_team(const team& read) {
    examine_manifest(read.pod);
    for (const auto& child : read.children) {
        examine_team(child);
    }
}

} // namespace

void fuzz::examine(std::string_view input) {
    const auto one = manifest_from_toml(input, "source", "/root");
    const auto several = team_from_toml(input, "source", "/root");
    if (!several) {
        examine_refusal(several.error());
        expect(!one.has_value(), "a manifest is no team of one");
    } else {
        examine_team(*several);
        expect(one.has_value() || !several->children.empty() || one.error().subject == "child",
               "a team of one is no manifest");
    }
    if (one) {
        expect(several->pod == *one && several->children.empty(), "a manifest is another team");
    } else {
        examine_refusal(one.error());
    }
}
