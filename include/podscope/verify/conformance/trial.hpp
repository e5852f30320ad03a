// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/shown.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope::verify {

/// How much a kit does.
struct conformance_options {
    /// After this, what does not answer counts as hung.
    std::chrono::milliseconds patience{std::chrono::seconds{30}};
    /// How often what happens by chance is tried: threads and processes side by side, and kills.
    unsigned rounds{20};
};

namespace conformance {

/// How a check says that its promise is broken.
struct broken_promise {
    std::string shown{};
};

/// One check of a kit: the steps that it takes, written down as it goes, so that a failure shows
/// how to get there. For one thread.
class trial {
public:
    explicit trial(const conformance_options& options) noexcept : options_{&options} {}

    [[nodiscard]] const conformance_options& options() const noexcept { return *options_; }

    void step(std::string what) { steps_.push_back(std::move(what)); }

    /// Leaves the check if something is not as it was promised.
    void expect(bool is_so, std::string_view otherwise) const {
        if (!is_so) {
            fail_with(otherwise);
        }
    }

    template <class T>
    void equal(const T& found, const std::type_identity_t<T>& wanted, std::string_view what) const {
        if (!(found == wanted)) {
            fail_with(std::string{what} + " gave " + shown(found) + " and not " + shown(wanted));
        }
    }

    /// The value of a result that must have one.
    template <class T>
    T must(result<T>&& given, std::string_view what) const {
        if (!given) {
            fail_with(std::string{what} + " failed: " + to_string(given.error()));
        }
        if constexpr (!std::is_void_v<T>) {
            return *std::move(given);
        }
    }

    /// For what a body has failed with, which has to come out as it is.
    template <class T>
    void must_fail_with(const result<T>& given, const error& wanted) const {
        expect(!given, "it succeeded");
        const auto& found = given.error();
        expect(found.category == wanted.category && found.message == wanted.message &&
                   found.subject == wanted.subject,
               "its error is " + to_string(found) + " and not " + to_string(wanted));
    }

    /// For what calls the function that it is given, which throws: it must not succeed then.
    template <class F>
    void must_end_in_throw(F&& run) const {
        bool has_thrown = false;
        const auto throws = [&] {
            has_thrown = true;
            throw std::runtime_error{"on purpose"};
        };
        try {
            auto done = run(throws);
            expect(!done, "it succeeded none the less");
            expect(has_thrown, "it failed: " + to_string(done.error()));
        } catch (const std::runtime_error& thrown) {
            expect(has_thrown, std::string{"it threw: "} + thrown.what());
        }
    }

    [[noreturn]] void fail_with(std::string_view what) const {
        std::string text;
        for (const auto& one : steps_) {
            text.append(one).append("\n");
        }
        throw broken_promise{text.append(what)};
    }

private:
    const conformance_options* options_;
    std::vector<std::string> steps_{};
};

/// Makes checks of one trial out of such that take what is tried as well, all of the same.
template <class Tried>
[[nodiscard]] auto checks_of(const Tried& tried) noexcept {
    return [&tried](void (*check)(trial&, const Tried&)) {
        return [check, &tried](trial& t) { check(t, tried); };
    };
}

/// Runs the checks of a kit one after the other and keeps what they found.
class kit_run {
public:
    kit_run(std::string kit,
            std::span<const deviation> declared,
            const conformance_options& options)
        : declared_{declared},
          options_{&options} {
        report_.kit = std::move(kit);
    }

    /// Whether a promise is kept, by `check(trial&)`.
    template <class F>
    void promise(std::string_view name, F&& check) {
        if (const auto declared = std::ranges::find(declared_, name, &deviation::promise);
            declared != declared_.end()) {
            add(name, standing::deviates, std::string{declared->reason});
            return;
        }
        trial each{*options_};
        try {
            check(each);
            add(name, standing::held, {});
        } catch (broken_promise& broken) {
            add(name, standing::broken, std::move(broken.shown));
        } catch (const std::exception& thrown) {
            add(name, standing::broken, std::string{"it threw: "} + thrown.what());
        } catch (...) {
            add(name, standing::broken, "it threw what is no std::exception");
        }
    }

    /// The same where a trait of the plug-in may say that it does not claim that.
    template <class F>
    void promise_if(bool claimed, std::string_view reason, std::string_view name, F&& check) {
        if (claimed) {
            promise(name, std::forward<F>(check));
        } else {
            add(name, standing::deviates, std::string{reason});
        }
    }

    /// The report. A declared deviation from what nobody promises is broken itself.
    [[nodiscard]] conformance_report done() && {
        for (const auto& one : declared_) {
            if (std::ranges::find(report_.promises, one.promise, &verify::promise::name) ==
                report_.promises.end()) {
                add(one.promise, standing::broken,
                    "a deviation from it is declared, and there is no such promise");
            }
        }
        return std::move(report_);
    }

private:
    void add(std::string_view name, standing how, std::string shown) {
        report_.promises.push_back({std::string{name}, how, std::move(shown)});
    }

    std::span<const deviation> declared_;
    const conformance_options* options_;
    conformance_report report_{};
};

} // namespace conformance
} // namespace podscope::verify
