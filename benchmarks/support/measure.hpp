// SPDX-License-Identifier: BSL-1.0
// What a benchmark file says: which operations there are, and which rows of the report are made of
// their costs.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// A line of the report. What is compared is `value / reference_value`, or the value itself if
/// there is no reference.
struct row {
    std::string name{};
    std::string unit{};
    double value{};
    std::string reference{};
    std::optional<double> reference_value{};
    std::optional<double> limit{}; ///< the comparison holds if it is no greater

    [[nodiscard]] double compared() const {
        return reference_value ? value / *reference_value : value;
    }

    [[nodiscard]] bool holds() const { return !limit || compared() <= *limit; }
};

/// The costs that were found, for the rows to be made of.
class costs {
public:
    virtual ~costs() = default;

    /// Nanoseconds an operation takes: the least of the repetitions of this run.
    [[nodiscard]] virtual double time_of(std::string_view operation) const = 0;

    /// Instructions that it takes, as callgrind counts them: the mean of many.
    [[nodiscard]] virtual double instructions_of(std::string_view operation) const = 0;
};

namespace detail {

struct operation {
    std::string name{};
    std::function<void(benchmark::State&)> timed{};
    std::function<void()> counted{}; // prepares, and performs it as often as this says:
    std::size_t times_counted{};
    int threads{1};
};

[[nodiscard]] std::vector<operation>& operations();
[[nodiscard]] std::vector<std::function<row(const costs&)>>& rows();

/// The names of the operations whose instructions some row wants, in the order of their first use.
[[nodiscard]] std::vector<std::string>& to_count();

/// Callgrind counts what happens between the two, and writes it to a file of its own.
void start_counting();
void stop_counting();

} // namespace detail

/// Adds an operation. `prepare()` makes everything that it needs and gives a function object that
/// performs it once, with a result that must not be optimised away. Instructions are the mean of
/// `times_counted`.
template <class Prepare>
void add_operation(std::string name, Prepare prepare, std::size_t times_counted = 200) {
    detail::operations().push_back({
        .name = std::move(name),
        .timed =
            [prepare](benchmark::State& state) {
                auto perform = prepare();
                benchmark::DoNotOptimize(perform()); // what happens once only is done by now
                for (auto _ : state) {
                    benchmark::DoNotOptimize(perform());
                }
            },
        .counted =
            [prepare, times_counted] {
                auto perform = prepare();
                benchmark::DoNotOptimize(perform());
                detail::start_counting();
                for (std::size_t i = 0; i != times_counted; ++i) {
                    benchmark::DoNotOptimize(perform());
                }
                detail::stop_counting();
            },
        .times_counted = times_counted,
    });
}

/// Adds one that manages its own loop, such as one of several threads; it has no instruction count.
inline void
add_timed(std::string name, std::function<void(benchmark::State&)> run, int threads = 1) {
    detail::operations().push_back(
        {.name = std::move(name), .timed = std::move(run), .threads = threads});
}

/// Adds a row that is made once the costs are known.
inline void add_row(std::function<row(const costs&)> make) {
    detail::rows().push_back(std::move(make));
}

/// The time of an operation against that of another one.
void compare_time(std::string name,
                  std::string operation,
                  std::string reference,
                  std::optional<double> limit = {});

/// The instructions of an operation against those of another one.
void compare_instructions(std::string name,
                          std::string operation,
                          std::string reference,
                          std::optional<double> limit = {});

/// The same for operations that do many things: those of one, that much at a time.
void compare_instructions_each(std::string name,
                               std::pair<std::string, std::size_t> operation,
                               std::pair<std::string, std::size_t> reference,
                               std::optional<double> limit = {});

/// Something that is not a cost of an operation, and is found when the report is written.
void state(std::string name,
           std::string unit,
           std::function<double()> value,
           std::optional<double> limit = {});

/// Runs at load time what adds a file's operations and rows.
struct on_load {
    explicit on_load(void (*add)()) { add(); }
};

} // namespace podscope_bench
