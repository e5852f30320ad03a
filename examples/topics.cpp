// SPDX-License-Identifier: BSL-1.0
// A namespace that is no file path: topics such as `orders.eu.created`, of which each publisher is
// the only one in its part. All the library needs is how a topic is split and how it is written.
#include <podscope/podscope.hpp>

#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>

namespace {

/// Topics with dots between their levels: letters, digits, `-` and `_`, in which upper and lower
/// case are the same. A lone `*` is the root: every topic.
struct topic_names {
    [[nodiscard]] podscope::result<podscope::resource> resolve(std::string_view text) const {
        podscope::resource topic;
        if (text == "*") {
            return topic;
        }
        std::string level;
        for (std::size_t i = 0; i <= text.size(); ++i) {
            const char c = i < text.size() ? lower_case(text[i]) : '.';
            if (c != '.' && !is_fit(c)) {
                return podscope::fail(podscope::invalid_target(
                    text, "has a character that no topic has: use letters, digits, - and _"));
            }
            if (c != '.') {
                level += c;
                continue;
            }
            if (level.empty()) {
                return podscope::fail(podscope::invalid_target(text, "has an empty level"));
            }
            topic.push(level);
            level.clear();
        }
        return topic;
    }

    [[nodiscard]] std::string display(const podscope::resource& topic) const {
        std::string text;
        topic.for_each_component([&](std::string_view level) {
            text += text.empty() ? "" : ".";
            text += level;
        });
        return topic.is_root() ? "*" : text;
    }

private:
    static char lower_case(char c) noexcept {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }

    static bool is_fit(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
};

static_assert(podscope::resource_namespace<topic_names>);

} // namespace

int main() {
    using namespace podscope;
    auto broker = make_runtime(use::backend(basic_memory<pod_schema>{}),
                               use::sessions(memory_sessions{}), use::names(topic_names{}));

    auto shop = broker.create(manifest{"shop"}.may(rules::write("orders"))).value();
    auto granted = shop.delegate(manifest{"shop-eu"}.may(rules::write("Orders.EU"))).value();
    auto europe = broker.adopt(granted).value();

    const bool publishes = europe.check("orders.eu.created", permission::write).has_value();
    const auto refused = shop.check("ORDERS.eu.created", permission::write);
    std::cout << "shop-eu publishes orders.eu.created: " << (publishes ? "yes" : "no") << '\n';
    std::cout << "shop: " << to_string(refused.error()) << '\n';

    const auto stranger = broker.create(manifest{"audit"}.may(rules::write("orders.eu.paid")));
    std::cout << "audit: " << to_string(stranger.error()) << '\n';
    const auto nonsense = broker.create(manifest{"nonsense"}.may(rules::write("orders..eu")));
    std::cout << "nonsense: " << to_string(nonsense.error()) << '\n';

    return publishes && !refused && stranger.error().category == errc::conflict &&
                   nonsense.error().category == errc::invalid_target
               ? 0
               : 1;
}
