// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

/// Rows of texts, written in columns as wide as their widest text.
class table {
public:
    table() = default;

    explicit table(std::vector<std::string> header) { add(std::move(header)); }

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    [[nodiscard]] std::string text(std::string_view indent) const {
        std::vector<std::size_t> widths;
        for (const auto& row : rows_) {
            widths.resize(std::max(widths.size(), row.size()));
            for (std::size_t i = 0; i < row.size(); ++i) {
                widths[i] = std::max(widths[i], width(row[i]));
            }
        }
        std::string all;
        for (const auto& row : rows_) {
            std::string line{indent};
            for (std::size_t i = 0; i < row.size(); ++i) {
                line += row[i];
                line.append(widths[i] - width(row[i]) + 2, ' ');
            }
            line.erase(line.find_last_not_of(' ') + 1);
            all += line + "\n";
        }
        return all;
    }

private:
    // In characters: what the demo writes has none that is wider than one column.
    static std::size_t width(std::string_view text) {
        std::size_t characters = 0;
        for (; !text.empty(); ++characters) {
            text.remove_prefix(std::max<std::size_t>(podscope::utf8_length(text), 1));
        }
        return characters;
    }

    std::vector<std::vector<std::string>> rows_{};
};

} // namespace demo
