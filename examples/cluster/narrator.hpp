// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdio>
#include <string>

namespace demo {

/// Tells the story to people, with what was claimed in it, and whether it was so.
class narrator {
public:
    void say(const std::string& text) const {
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }

    void step(const std::string& title) {
        say("\n" + std::to_string(++steps_) + ". " + title + "\n\n");
    }

    void claim(bool holds, const std::string& text, const std::string& seen = {}) {
        say((holds ? "  ok      " : "  FAILED  ") + text + "\n");
        if (!seen.empty()) {
            say("          " + seen + "\n");
        }
        ++claims_;
        failed_ += holds ? 0 : 1;
    }

    /// Whether all that was claimed was so, and anything was.
    [[nodiscard]] bool all_holds() const noexcept { return claims_ != 0 && failed_ == 0; }

private:
    int steps_{0};
    int claims_{0};
    int failed_{0};
};

} // namespace demo
