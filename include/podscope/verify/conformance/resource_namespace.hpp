// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace podscope::verify {

/// What is known of a namespace.
struct namespace_samples {
    /// The texts of one place each, and each another place.
    std::vector<std::vector<std::string>> places{};
    /// A place and one that lies below it, however deep.
    std::vector<std::pair<std::string, std::string>> below{};
    /// Texts that name no place.
    std::vector<std::string> refused{};
};

namespace conformance {

/// Any namespace, as the kit sees it.
struct named_places {
    const namespace_samples* samples{};
    std::function<result<resource>(std::string_view)> resolve{};
    std::function<std::string(const resource&)> display{};
    std::function<bool(const resource&)> is_place{};

    [[nodiscard]] resource place(trial& t, const std::string& text) const {
        t.step("resolve " + in_quotes(text));
        return t.must(resolve(text), "that");
    }
};

inline void resolves_texts_of_one_place_alike(trial& t, const named_places& names) {
    for (const auto& texts : names.samples->places) {
        const auto first = names.place(t, texts.front());
        for (const auto& text : texts) {
            t.expect(names.place(t, text) == first, "it is another place than the first text's");
        }
    }
}

inline void tells_places_apart(trial& t, const named_places& names) {
    std::vector<std::pair<std::string, resource>> all;
    for (const auto& texts : names.samples->places) {
        for (const auto& [text, other] : all) {
            t.expect(names.place(t, texts.front()) != other,
                     "it is the same place as " + in_quotes(text));
        }
        all.emplace_back(texts.front(), names.place(t, texts.front()));
    }
}

inline void displays_what_resolves(trial& t, const named_places& names) {
    for (const auto& texts : names.samples->places) {
        for (const auto& text : texts) {
            const auto place = names.place(t, text);
            const auto shown = names.display(place);
            t.step("display it, which gave " + in_quotes(shown));
            t.expect(names.place(t, shown) == place, "it is another place");
        }
    }
}

inline void knows_what_it_resolves(trial& t, const named_places& names) {
    for (const auto& texts : names.samples->places) {
        for (const auto& text : texts) {
            t.expect(names.is_place(names.place(t, text)), "it is no place");
        }
    }
}

inline void puts_places_below_each_other(trial& t, const named_places& names) {
    for (const auto& [above, below] : names.samples->below) {
        const auto first = names.place(t, above);
        const auto second = names.place(t, below);
        t.expect(first.contains(second) && first != second, "it is not below the first");
        t.expect(!second.contains(first), "the first is below it");
        t.expect(first < second, "it comes before the first");
    }
    // And nothing else lies below.
    for (const auto& texts : names.samples->places) {
        const auto place = names.place(t, texts.front());
        for (auto up = place; !up.is_root(); up.pop()) {
            t.expect(up.contains(place), "it is not below what its components lead through");
        }
    }
}

inline void makes_sound_keys(trial& t, const named_places& names) {
    for (const auto& texts : names.samples->places) {
        for (const auto& text : texts) {
            const auto place = names.place(t, text);
            t.expect(resource::from_key(std::string{place.key()}).has_value(),
                     "a component of it is empty or holds a NUL");
        }
    }
}

inline void refuses_what_is_no_place(trial& t, const named_places& names) {
    auto refused = names.samples->refused;
    refused.emplace_back();
    for (const auto& texts : names.samples->places) {
        for (const auto& text : texts) {
            refused.push_back(text + '\0');
            refused.push_back(text + '\0' + text);
        }
    }
    for (const auto& text : refused) {
        t.step("resolve " + in_quotes(text));
        const auto found = names.resolve(text);
        t.expect(!found, "it succeeded");
        t.equal(found.error().category, errc::invalid_target, "its error");
        t.expect(!found.error().message.empty(), "its error has no message");
    }
}

inline void resolves_in_threads(trial& t, const named_places& names) {
    std::vector<std::pair<std::string, resource>> all;
    for (const auto& texts : names.samples->places) {
        all.emplace_back(texts.back(), names.place(t, texts.back()));
    }
    t.step("resolve and display all of them in 4 threads at once, again and again");
    std::atomic<int> wrong{0};
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < 4; ++n) {
        threads.emplace_back([&, n] {
            ++ready;
            while (ready != 4) {
                std::this_thread::yield();
            }
            for (std::size_t i = 0; i < 50 * t.options().rounds && wrong == 0; ++i) {
                const auto& [text, place] = all[(i + n) % all.size()];
                const auto is_right = guarded([&]() -> result<bool> {
                    const auto found = names.resolve(text);
                    const auto back = names.resolve(names.display(place));
                    return found && *found == place && back && *back == place;
                });
                wrong += is_right && *is_right ? 0 : 1;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    t.equal(wrong.load(), 0, "the number of places that came out otherwise");
}

} // namespace conformance

/// Puts a resource namespace through all that the core relies on.
///
///     check_namespace(topic_names{}, {.places = {{"orders.eu", "Orders.EU"}, {"orders"}},
///                                     .below = {{"orders", "orders.eu"}},
///                                     .refused = {"orders..eu"}});
///
/// @param samples what is known of it: the more there is of each, the more is tried, and what there
/// is nothing for is in the report as a deviation. An empty text, and any text with a NUL, is
/// refused in every namespace.
///
/// What it declares in `deviations` is in the report, and not tried. In threads of its own.
template <resource_namespace Names>
[[nodiscard]] conformance_report check_namespace(const Names& names,
                                                 const namespace_samples& samples,
                                                 const conformance_options& options = {}) {
    using namespace conformance;
    const named_places all{
        .samples = &samples,
        .resolve = [&](std::string_view text) { return names.resolve(text); },
        .display = [&](const resource& place) { return names.display(place); },
        .is_place = [&](const resource& place) { return is_place_of(names, place); }};
    kit_run kit{"namespace", deviations_of<Names>(), options};
    const auto by = checks_of(all);
    const bool has_places =
        std::ranges::none_of(samples.places, &std::vector<std::string>::empty) &&
        !samples.places.empty();
    constexpr std::string_view no_place = "the samples have no places, or one without a text";
    kit.promise_if(has_places, no_place, "texts of one place give one resource",
                   by(resolves_texts_of_one_place_alike));
    kit.promise_if(has_places, no_place, "different places give different resources",
                   by(tells_places_apart));
    kit.promise_if(has_places, no_place, "what is displayed resolves to the same",
                   by(displays_what_resolves));
    if constexpr (knows_its_places<Names>) {
        kit.promise_if(has_places, no_place, "what is resolved is a place",
                       by(knows_what_it_resolves));
    }
    kit.promise_if(has_places && !samples.below.empty(),
                   has_places ? "the samples have none below another" : no_place,
                   "what lies below a place lies below its resource",
                   by(puts_places_below_each_other));
    kit.promise_if(has_places, no_place, "no component is empty or holds a NUL",
                   by(makes_sound_keys));
    kit.promise("what names no place is an invalid target", by(refuses_what_is_no_place));
    kit.promise_if(has_places, no_place, "threads may resolve at once", by(resolves_in_threads));
    return std::move(kit).done();
}

} // namespace podscope::verify
