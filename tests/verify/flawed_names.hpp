// SPDX-License-Identifier: BSL-1.0
// A namespace that breaks one promise.
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/resource.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace verify_test {

enum class name_flaw {
    none,
    keeps_dots,
    folds_case,
    shows_no_root,
    knows_no_levels,
    forgets_levels,
    has_empty_levels,
    takes_nul,
    knows_no_root,
    shares_a_buffer,
    throws_in_threads,
};

class flawed_names {
public:
    explicit flawed_names(name_flaw which) : is_{which} {}

    podscope::result<podscope::resource> resolve(std::string_view text) const {
        if (is_ == name_flaw::throws_in_threads && std::this_thread::get_id() != made_by_) {
            throw std::runtime_error{"another thread"};
        }
        podscope::resource place;
        switch (is_) {
        case name_flaw::keeps_dots:
            if (text.ends_with("/.")) {
                place.push(text);
                return place;
            }
            break;
        case name_flaw::folds_case: {
            std::string lower{text};
            std::ranges::transform(lower, lower.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
            return beneath_.resolve(lower);
        }
        case name_flaw::knows_no_levels:
            if (auto found = beneath_.resolve(text)) {
                place.push(beneath_.display(*found));
                return place;
            }
            break;
        case name_flaw::forgets_levels:
            if (const auto last = text.find_last_of('/'); last != 0) {
                return beneath_.resolve(text.substr(0, last));
            }
            break;
        case name_flaw::has_empty_levels:
            if (text == "//a") {
                place.push("");
                place.push("a");
                return place;
            }
            break;
        case name_flaw::takes_nul: return beneath_.resolve(text.substr(0, text.find('\0')));
        case name_flaw::shares_a_buffer: {
            shared_->set(text);
            std::this_thread::yield();
            return beneath_.resolve(shared_->get());
        }
        default: break;
        }
        return beneath_.resolve(text);
    }

    std::string display(const podscope::resource& place) const {
        const auto text = beneath_.display(place);
        return is_ == name_flaw::shows_no_root     ? text.substr(1)
               : is_ == name_flaw::knows_no_levels ? text.substr(1)
                                                   : text;
    }

    bool is_place(const podscope::resource& place) const {
        return is_ != name_flaw::knows_no_root || !place.is_root();
    }

private:
    struct shared {
        std::mutex mutex{};
        std::string text{};

        void set(std::string_view given) {
            const std::lock_guard alone{mutex};
            text = given;
        }

        std::string get() {
            const std::lock_guard alone{mutex};
            return text;
        }
    };

    name_flaw is_;
    std::thread::id made_by_ = std::this_thread::get_id();
    podscope::lexical_path beneath_{};
    std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

} // namespace verify_test
