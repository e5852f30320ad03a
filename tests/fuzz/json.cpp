// SPDX-License-Identifier: BSL-1.0
// The input is a text. The reader of session logs must take what another implementation takes for
// an object, and read the same out of it.
#include "fuzz/target.hpp"

#include <podscope/session/json_reader.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

// What the members that are wanted must be, by the other implementation.
class other_reader : public nlohmann::json_sax<nlohmann::json> {
public:
    bool null() override { return other(); }

    bool boolean(bool) override { return other(); }

    bool number_integer(number_integer_t) override { return other(); }

    bool number_float(number_float_t, const string_t&) override { return other(); }

    bool binary(binary_t&) override { return other(); }

    bool number_unsigned(number_unsigned_t value) override {
        if (is_member() && key_ == "text") {
            wrong = true;
        } else if (is_member() && key_ == "number") {
            wrong = wrong || number;
            number = value;
        }
        return begun();
    }

    bool string(string_t& value) override {
        if (is_member() && key_ == "number") {
            wrong = true;
        } else if (is_member() && key_ == "text") {
            wrong = wrong || text;
            text = value;
        }
        return begun();
    }

    bool start_object(std::size_t) override {
        is_object = is_object || depth_ == 0;
        return other() && deeper();
    }

    bool start_array(std::size_t) override { return other() && deeper(); }

    bool key(string_t& name) override {
        key_ = name;
        return true;
    }

    bool end_object() override { return shallower(); }

    bool end_array() override { return shallower(); }

    bool
    parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
        constexpr int number_out_of_range = 406;
        undecided = e.id == number_out_of_range;
        return false;
    }

    bool is_object{false};
    bool wrong{false};
    bool undecided{false}; // it has no place for a number, of which we ask only the grammar
    std::size_t deepest{0};
    std::optional<std::string> text{};
    std::optional<std::uint64_t> number{};

private:
    [[nodiscard]] bool is_member() const { return depth_ == 1 && is_object; }

    bool begun() { return true; }

    bool other() {
        wrong = wrong || (is_member() && (key_ == "text" || key_ == "number"));
        return true;
    }

    bool deeper() {
        deepest = std::max(deepest, ++depth_);
        return true;
    }

    bool shallower() {
        --depth_;
        return true;
    }

    std::size_t depth_{0};
    std::string key_{};
};

} // namespace

void fuzz::examine(std::string_view input) {
    std::string text = "none";
    std::uint64_t number = 0;
    std::array<podscope::json_member, 2> wanted{{{"text", text, podscope::presence::optional},
                                                 {"number", number, podscope::presence::optional}}};
    const auto fault = podscope::read_json_object(input, wanted);
    expect(!fault || fault->at <= input.size(), "a fault lies behind the text");
    // The other one takes a NUL for the end, and passes over a byte order mark.
    if (input.find('\0') != std::string_view::npos || input.starts_with('\xEF')) {
        return;
    }
    other_reader other;
    const bool is_json = nlohmann::json::sax_parse(input, &other);
    if (other.undecided) {
        return;
    }
    const bool wanted_so =
        is_json && other.is_object && !other.wrong && other.deepest <= podscope::max_json_depth;
    expect(wanted_so != fault.has_value(),
           fault ? "an object is refused: " + fault->message : "what is no object is read");
    if (!fault) {
        expect(text == other.text.value_or("none"), "another text is read");
        expect(number == other.number.value_or(0), "another number is read");
    }
}
