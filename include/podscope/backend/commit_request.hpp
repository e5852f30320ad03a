// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/commit_line.hpp>
#include <podscope/backend/journal_image.hpp>
#include <podscope/backend/journal_transaction.hpp>
#include <podscope/result.hpp>

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace podscope::backend_detail {

/// A transaction that waits to be committed with others, whatever its body is.
template <class Schema>
class commit_request : public line_member {
public:
    /// Whether it may reach the disk later than it is reported.
    [[nodiscard]] bool is_delayed() const noexcept { return is_delayed_; }

    [[nodiscard]] commit_request* next_request() const noexcept {
        return static_cast<commit_request*>(next());
    }

    [[nodiscard]] commit_request* previous_request() const noexcept {
        return static_cast<commit_request*>(previous());
    }

    /// Runs the body on an image that may hold the changes of others before it, and appends its
    /// changes to a frame; true if there are any. `check` says whether the frame can be written
    /// then.
    template <class Check>
    [[nodiscard]] bool
    run(journal_image<Schema>& image, std::string& frame, Check&& check) noexcept {
        const auto before = frame.size();
        try {
            writer_.emplace(image);
            if (perform(*writer_) && writer_->has_changes()) {
                writer_->write_to(frame);
                if (auto fits = check(); !fits) {
                    fail_with(fits.error());
                } else {
                    return true;
                }
            }
        } catch (...) {
            thrown_ = std::current_exception();
        }
        frame.resize(before);
        writer_.reset();
        return false;
    }

    /// Makes the changes last.
    void keep() noexcept {
        if (writer_) {
            writer_->keep();
        }
    }

    /// Takes the changes back, those of the requests that were run later first.
    void take_back() noexcept { writer_.reset(); }

    /// Makes an error the outcome.
    void fail_with(const error& why) noexcept {
        thrown_ = nullptr;
        try {
            set_failed(error{why});
        } catch (...) {
            set_failed({.category = errc::out_of_memory, .message = "out of memory"});
        }
    }

protected:
    explicit commit_request(bool delayed) noexcept : is_delayed_{delayed} {}

    ~commit_request() = default;

    [[nodiscard]] virtual bool perform(journal_writer<Schema>& txn) = 0;
    virtual void set_failed(error why) noexcept = 0;

    void rethrow() const {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
    }

private:
    bool is_delayed_;
    std::optional<journal_writer<Schema>> writer_{};
    std::exception_ptr thrown_{};
};

/// The same for one kind of body.
template <class Schema, class F>
class commit_request_for final : public commit_request<Schema> {
public:
    using outcome = std::invoke_result_t<F&, journal_writer<Schema>&>;

    commit_request_for(F& body, bool delayed) noexcept
        : commit_request<Schema>{delayed},
          body_{&body} {}

    /// What the body returned or threw, or why that could not be committed.
    [[nodiscard]] outcome take_outcome() {
        this->rethrow();
        return *std::move(outcome_);
    }

private:
    [[nodiscard]] bool perform(journal_writer<Schema>& txn) override {
        outcome_.emplace((*body_)(txn));
        return outcome_->has_value();
    }

    void set_failed(error why) noexcept override { outcome_.emplace(fail(std::move(why))); }

    F* body_;
    std::optional<outcome> outcome_{};
};

} // namespace podscope::backend_detail
