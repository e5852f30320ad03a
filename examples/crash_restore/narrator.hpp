// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/table.hpp"
#include "outcome.hpp"
#include "picture.hpp"
#include "roles.hpp"
#include "wording.hpp"

#include <podscope/podscope.hpp>

#include <clocale>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <langinfo.h>
#include <unistd.h>

namespace demo {

/// The pieces that a tree is drawn with.
struct branches {
    std::string_view child{"|- "};
    std::string_view last_child{"`- "};
    std::string_view passing{"|  "};
    std::string_view nothing{"   "};

    /// Those of a terminal that shows UTF-8, or plain ones.
    [[nodiscard]] static branches of_output() {
        if (::isatty(STDOUT_FILENO) == 0) {
            return {};
        }
        std::setlocale(LC_CTYPE, "");
        if (std::string_view{::nl_langinfo(CODESET)} != "UTF-8") {
            return {};
        }
        return {"├─ ", "└─ ", "│  ", "   "};
    }
};

/// Tells the story to people, step by step; or keeps silent.
class narrator {
public:
    narrator(const wording& words, std::string team_file, bool silent)
        : words_{words},
          team_file_{std::move(team_file)},
          silent_{silent},
          branches_{branches::of_output()} {}

    void begin() const {
        say("\npodscope: a team of processes shares one workspace. Each writes in its own part of "
            "it\n"
            "and in no other. Then things go wrong, and the planner that started them is "
            "killed.\n");
    }

    void team(const picture& now) const {
        step("The planner delegates to its team, each a process of its own");
        say("  read from " + team_file_ + "; who owns what, and why:\n\n");
        say(tree(now));
    }

    void crashed(const picture& now) const {
        step("Things go wrong");
        table what;
        for (const auto& one : parts) {
            what.add({std::string{one.pod}, happened(one)});
        }
        what.add({std::string{root_pod}, "is killed in the end (SIGKILL)"});
        say(what.text(indent));
        say("\n  Nobody has told the registry. What it says now:\n\n");
        say(tree(now));
    }

    void restored(const picture& now, const std::vector<podscope::notification>& told) const {
        step("Another process restores the planner from its record");
        say("  Before it could use the planner, it was told:\n\n");
        table what{{"", "pod", "epoch", "from", "because", "scope"}};
        for (const auto& one : told) {
            std::vector<std::string> scope;
            scope.reserve(one.rules.size());
            for (const auto& rule : one.rules) {
                scope.push_back(words_.rule(rule));
            }
            what.add({std::string{to_string(one.what)}, one.child,
                      std::to_string(number(one.granted)), one.delegator, because(one),
                      joined(scope, ", ")});
        }
        say(what.text(indent));
        say("\n  Who owns what now:\n\n");
        say(tree(now));
    }

    void handed_on(const std::string& label) const {
        step("The planner hands on again what came back");
        say("  A new process, " + label + ", adopts '" + std::string{started_anew} +
            "'. The old one still runs, and does not know.\n");
    }

    void tried(const std::vector<trial>& trials) const {
        step("builder is continued (SIGCONT), and everybody who lives tries to write everywhere");
        if (trials.empty()) {
            return;
        }
        std::vector<std::string> header{"region"};
        for (const auto& [label, how] : trials.front().by) {
            header.push_back(label);
        }
        table all{std::move(header)};
        for (const auto& one : trials) {
            std::vector<std::string> row{one.region};
            for (const auto& [label, how] : one.by) {
                row.push_back(how.written ? "writes" : how.category);
            }
            all.add(std::move(row));
        }
        say(all.text(indent));
        say("\n");
        table why;
        for (const auto& one : trials) {
            why.add({one.region, "is for " + one.expected + ":", one.because});
        }
        say(why.text(indent));
    }

    void enforced() const {
        step("Every child is confined by the kernel, and tries to write everywhere unasked");
        say("  What it was not given, the kernel refuses it: Permission denied.\n");
    }

    void checks(const outcome& seen) const {
        step("What was checked");
        for (const auto& one : seen.checks) {
            say(std::string{indent} + (one.holds() ? "ok      " : "FAILED  ") + one.name + ": " +
                one.claim + "\n");
            for (const auto& violation : one.violations) {
                say(wrapped(violation, "            ", 96));
            }
        }
        say(seen.holds() ? "\nAll of it holds.\n\n" : "\nNot all of it holds.\n\n");
    }

private:
    static constexpr std::string_view indent{"  "};

    void say(const std::string& text) const {
        if (!silent_) {
            std::fputs(text.c_str(), stdout);
            std::fflush(stdout);
        }
    }

    void step(const std::string& title) const {
        say("\n" + std::to_string(++steps_) + ". " + title + "\n\n");
    }

    static std::string happened(const part& one) {
        switch (one.meets) {
        case fate::healthy: return "goes on working";
        case fate::killed:
            return one.pod == parent_of_orphan
                       ? "is killed (SIGKILL); its own child, " + std::string{orphan} + ", lives on"
                       : "is killed (SIGKILL)";
        case fate::stopped: return "is stopped (SIGSTOP): it lives, and answers nobody";
        case fate::row_removed: return "loses its row in the registry; it does not know";
        }
        return {};
    }

    static std::string because(const podscope::notification& told) {
        if (told.what == podscope::event::adopted) {
            return "its parent is " + std::string{to_string(told.reason)};
        }
        switch (told.reason) {
        case podscope::end_reason::absent: return "absent: its row was gone";
        case podscope::end_reason::missing: return "missing: its process is dead";
        case podscope::end_reason::unreachable: return "unreachable: it did not answer";
        default: return std::string{to_string(told.reason)};
        }
    }

    [[nodiscard]] std::string tree(const picture& now) const {
        table all{{"pod", "epoch", "process", "may write", "by the rule"}};
        for (const auto& [pod, stored] : now.stored.pods) {
            if (parent_of(stored).empty()) {
                add_tree(all, now, pod, "", "");
            }
        }
        return all.text(indent);
    }

    static std::string parent_of(const stored_pod& stored) {
        return stored.row ? stored.row->delegated_from : stored.record->delegated_from;
    }

    void add_tree(table& all,
                  const picture& now,
                  const std::string& pod,
                  const std::string& before,
                  const std::string& below) const {
        add_pod(all, now, pod, before);
        std::vector<std::string> children;
        for (const auto& [name, stored] : now.stored.pods) {
            if (parent_of(stored) == pod) {
                children.push_back(name);
            }
        }
        for (const auto& child : children) {
            const bool last = child == children.back();
            add_tree(all, now, child,
                     below + std::string{last ? branches_.last_child : branches_.child},
                     below + std::string{last ? branches_.nothing : branches_.passing});
        }
    }

    void add_pod(table& all,
                 const picture& now,
                 const std::string& pod,
                 const std::string& before) const {
        const auto& stored = now.stored.pods.at(pod);
        const auto* const process = now.process_of(pod);
        const std::string who = process == nullptr
                                    ? "-"
                                    : process->label + " " + std::to_string(process->pid) + " " +
                                          std::string{to_string(process->state)};
        std::vector<std::string> row{before + pod, stored.row ? epoch_of(stored) : "-", who};
        bool owns = false;
        for (const auto& [region, owner] : now.stored.owners) {
            if (owner.owner.pod != pod) {
                continue;
            }
            if (owns) {
                row = {"", "", ""};
            }
            owns = true;
            row.push_back(region);
            row.push_back(right(stored, owner));
            all.add(row);
        }
        if (!owns) {
            row.push_back("-");
            row.push_back(no_right(now, pod, stored));
            all.add(row);
        }
    }

    static std::string epoch_of(const stored_pod& stored) {
        return std::to_string(number(stored.row->granted));
    }

    // The owner's rule, the pods that it came through, and what was handed on out of it.
    [[nodiscard]] std::string right(const stored_pod& stored,
                                    const podscope::ownership& owner) const {
        std::string text = words_.target(owner.rule) + (owner.rule.recursive ? "" : " (here only)");
        std::vector<std::string> handed_on;
        for (const auto& one : stored.layers) {
            if (contains(region_of(owner.rule), region_of(one.rule))) {
                handed_on.push_back(words_.target(one.rule));
            }
        }
        if (!handed_on.empty()) {
            text += " less " + joined(handed_on, ", ");
        }
        const std::vector<std::string> above(owner.chain.begin() + 1, owner.chain.end());
        return text + (above.empty() ? ", its own" : ", from " + joined(above, ", "));
    }

    static std::string
    no_right(const picture& now, const std::string& pod, const stored_pod& stored) {
        if (stored.row) {
            return "its scope is with others";
        }
        const auto ended = now.end_of(pod);
        if (!ended) {
            return "none: its row is gone";
        }
        return "its grant (epoch " + std::to_string(number(ended->granted)) + ") has ended";
    }

    wording words_;
    std::string team_file_;
    bool silent_;
    branches branches_;
    mutable int steps_{0};
};

} // namespace demo
