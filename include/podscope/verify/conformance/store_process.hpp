// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/other_process.hpp>
#include <podscope/verify/conformance/shared_value.hpp>
#include <podscope/verify/conformance/store_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope::verify::conformance {

/// Another process, which opens the store once it is told to begin, and does something with it.
/// What fails there breaks the promise in its own words.
class store_process {
public:
    using line = other_process::line;

    /// @param deed is given the store and the line to this process, and gives a `result<void>` or
    ///             a `result<bool>`
    template <class F>
    store_process(any_place& at, F deed)
        : child_{[this, &at, deed = std::move(deed)](const line& parent) {
              using outcome = std::invoke_result_t<const F&, any_store&, const line&>;
              parent.wait();
              const auto done = guarded([&]() -> outcome {
                  auto mine = at.open();
                  return mine ? deed(**mine, parent) : fail(mine);
              });
              if (!done) {
                  note(to_string(done.error()));
              } else if constexpr (std::same_as<outcome, result<bool>>) {
                  *is_right_ = *done;
              }
              return 0;
          }} {}

    void begin() const { child_.tell(); }

    /// Waits until it tells something.
    void expect_told(const trial& t) const {
        const bool is_told = child_.wait(t.options().patience);
        t.expect(is_told, why());
    }

    /// Waits until it is done. What it gave.
    [[nodiscard]] bool is_right(const trial& t) {
        const bool is_done = child_.exit_code() == 0 && !has_failed();
        t.expect(is_done, why());
        return *is_right_;
    }

    /// Whether something has failed there, so that nothing more will come of it.
    [[nodiscard]] bool has_failed() const { return failure_->is_noted; }

    [[nodiscard]] std::string why() const {
        return "the other process " +
               (has_failed() ? "failed: " + std::string{failure_->text.data()} : "died by itself");
    }

    void kill() { child_.kill(); }

private:
    struct failure {
        std::array<char, 1'000> text{};
        std::atomic<bool> is_noted{};
    };

    void note(std::string_view text) const {
        std::ranges::copy(text.substr(0, failure_->text.size() - 1), failure_->text.begin());
        failure_->is_noted = true;
    }

    shared_value<failure> failure_{};
    shared_value<std::atomic<bool>> is_right_{};
    other_process child_; // last: it is forked with what it shares
};

} // namespace podscope::verify::conformance
