// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "outcome.hpp"
#include "picture.hpp"
#include "wording.hpp"
#include "workspace.hpp"

#include <podscope/json_writer.hpp>
#include <podscope/podscope.hpp>
#include <podscope/sink/notification_json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

/// Writes the outcome as one JSON document.
class json_report {
public:
    explicit json_report(const workspace& place) : place_{&place}, words_{place} {}

    [[nodiscard]] std::string write(const outcome& seen) const {
        std::string json;
        podscope::json_object_writer{json}
            .raw("before", write(seen.before))
            .raw("crashed", write(seen.crashed))
            .raw("after", write(seen.after))
            .raw("notifications",
                 list(seen.notifications,
                      [&](const auto& one) {
                          return podscope::to_json(one, [&](const podscope::resource& target) {
                              return place_->region_of(names_.display(target));
                          });
                      }))
            .raw("may_write", list(seen.may_write, [&](const trial& one) { return write(one); }))
            .raw("checks", list(seen.checks, [&](const check& one) { return write(one); }))
            .raw("ok", truth(seen.holds()))
            .close();
        return json;
    }

    /// The document of a demo that could not be run.
    [[nodiscard]] static std::string write(const podscope::error& why) {
        std::string json;
        podscope::json_object_writer{json}
            .text("error", to_string(why))
            .raw("ok", truth(false))
            .close();
        return json;
    }

private:
    static constexpr std::string_view truth(bool is) noexcept { return is ? "true" : "false"; }

    template <class List, class F>
    static std::string list(const List& all, F&& json_of) {
        std::string json{'['};
        for (const auto& one : all) {
            if (json.size() > 1) {
                json += ',';
            }
            json += json_of(one);
        }
        return json + "]";
    }

    static std::string texts(const std::vector<std::string>& all) {
        return list(all, [](const std::string& one) {
            std::string json;
            podscope::append_json_string(json, one);
            return json;
        });
    }

    [[nodiscard]] std::string write(const std::optional<picture>& seen) const {
        if (!seen) {
            return "null";
        }
        std::string json;
        podscope::json_object_writer{json}
            .raw("pods", list(seen->stored.pods,
                              [&](const auto& one) { return pod(*seen, one.first, one.second); }))
            .raw("owners", list(seen->stored.owners,
                                [&](const auto& one) { return owner(one.first, one.second); }))
            .close();
        return json;
    }

    [[nodiscard]] std::string
    pod(const picture& now, const std::string& name, const stored_pod& stored) const {
        std::string json;
        podscope::json_object_writer writer{json};
        writer.text("pod", name).raw("live", truth(stored.row.has_value()));
        if (stored.row) {
            writer.text("delegated_from", stored.row->delegated_from)
                .number("epoch", number(stored.row->granted))
                .raw("denied", list(stored.layers, [&](const auto& one) { return layer(one); }));
        }
        if (const auto* const process = now.process_of(name)) {
            std::string who;
            podscope::json_object_writer{who}
                .text("label", process->label)
                .raw("pid", std::to_string(process->pid))
                .text("state", to_string(process->state))
                .close();
            writer.raw("process", who);
        }
        writer.close();
        return json;
    }

    [[nodiscard]] std::string layer(const podscope::deny_layer& one) const {
        std::string json;
        podscope::json_object_writer writer{json};
        writer.text("rule", words_.rule(one.rule));
        if (!one.is_base()) {
            writer.text("child", one.delegation->child)
                .number("epoch", number(one.delegation->granted));
        }
        writer.close();
        return json;
    }

    [[nodiscard]] std::string owner(const std::string& region,
                                    const podscope::ownership& by) const {
        std::string json;
        podscope::json_object_writer{json}
            .text("region", region)
            .text("owner", by.owner.pod)
            .text("rule", words_.rule(by.rule))
            .raw("chain", texts(by.chain))
            .number("epoch", number(by.owner.granted))
            .close();
        return json;
    }

    [[nodiscard]] std::string write(const trial& one) const {
        std::vector<std::string> writers;
        std::string refused;
        podscope::json_object_writer others{refused};
        for (const auto& [label, how] : one.by) {
            if (how.written) {
                writers.push_back(label);
            } else {
                others.text(label, how.category);
            }
        }
        others.close();
        std::string json;
        podscope::json_object_writer{json}
            .text("region", one.region)
            .text("expected", one.expected)
            .text("because", one.because)
            .raw("written_by", texts(writers))
            .raw("refused", refused)
            .close();
        return json;
    }

    static std::string write(const check& one) {
        std::string json;
        podscope::json_object_writer{json}
            .text("name", one.name)
            .text("claim", one.claim)
            .raw("ok", truth(one.holds()))
            .raw("violations", texts(one.violations))
            .close();
        return json;
    }

    const workspace* place_;
    wording words_;
    podscope::lexical_path names_{};
};

} // namespace demo
