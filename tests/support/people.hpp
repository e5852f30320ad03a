// SPDX-License-Identifier: BSL-1.0
// The processes in whose names a test's runtimes hold pods: made up ones, or real ones that can be
// killed and stopped and that answer at a socket.
#pragma once

#include "support/talking_process.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"

#include <podscope/error.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/process_identity.hpp>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>

namespace podscope_test {

/// One process that can hold pods.
class person {
public:
    person() = default;
    person(const person&) = delete;
    person& operator=(const person&) = delete;
    virtual ~person() = default;

    [[nodiscard]] virtual podscope::process_identity identity() const = 0;

    /// Where it answers for a pod from now on; empty if it answers nowhere.
    [[nodiscard]] virtual std::string endpoint_for(const std::string&) { return {}; }

    /// Tells it under which epoch it holds the pod.
    virtual void answer_for(const std::string&, podscope::epoch) {}

    /// Returns once it is dead.
    virtual void kill() = 0;
    /// Returns once it stands still.
    virtual void hang() = 0;
    virtual void wake() = 0;
};

/// Where they come from.
class people {
public:
    people() = default;
    people(const people&) = delete;
    people& operator=(const people&) = delete;
    virtual ~people() = default;

    [[nodiscard]] virtual std::unique_ptr<person> hire() = 0;
};

/// Made up, and as fast as that is.
class made_up_people : public people {
public:
    explicit made_up_people(world in) : world_{std::move(in)} {}

    [[nodiscard]] std::unique_ptr<person> hire() override {
        return std::make_unique<made_up>(world_);
    }

private:
    class made_up : public person {
    public:
        explicit made_up(const world& in) : world_{in}, identity_{world_.process()} {}

        [[nodiscard]] podscope::process_identity identity() const override { return identity_; }

        void kill() override { world_.kill(identity_); }

        void hang() override { world_.hang(identity_); }

        void wake() override { world_.wake(identity_); }

    private:
        world world_;
        podscope::process_identity identity_;
    };

    world world_;
};

/// One that answers at sockets.
class helper_process : public talking_process {
public:
    helper_process() : talking_process{serve} {}

private:
    using responders = std::map<std::string, podscope::responder>;

    // Words on a line each: "listen PATH POD" and "answer POD EPOCH"; and meanwhile answering
    // whoever asks at a socket.
    static int serve(line_to_test line) {
        responders open;
        std::map<std::string, bool> announced;
        for (;;) {
            std::vector<pollfd> watched{{line.descriptor(), POLLIN, 0}};
            for (const auto& [pod, one] : open) {
                if (announced[pod]) {
                    watched.push_back({one.descriptor(), POLLIN, 0});
                }
            }
            if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
                return 1;
            }
            for (auto& [pod, one] : open) {
                if (announced[pod]) {
                    (void)one.serve_ready();
                }
            }
            if ((watched.front().revents & (POLLIN | POLLHUP)) != 0) {
                const auto told = line.hear();
                if (!told) {
                    return 0;
                }
                if (!line.answer(obey(*told, open, announced))) {
                    return 1;
                }
            }
        }
    }

    static std::string
    obey(const std::string& text, responders& open, std::map<std::string, bool>& announced) {
        const auto first = text.find('\n');
        const auto second = text.find('\n', first + 1);
        const auto what = text.substr(0, first);
        const auto one = text.substr(first + 1, second - first - 1);
        const auto two = text.substr(second + 1);
        if (what == "listen") {
            auto made = podscope::responder::open(one, two);
            if (!made) {
                return "error " + to_string(made.error());
            }
            const auto endpoint = made->endpoint();
            open.insert_or_assign(two, std::move(*made));
            return endpoint;
        }
        const auto found = open.find(one);
        if (what != "answer" || found == open.end()) {
            return "error what?";
        }
        const auto done = found->second.announce(podscope::epoch{std::stoull(two)});
        announced[one] = done.has_value();
        return done ? "done" : "error " + to_string(done.error());
    }
};

/// Processes of the operating system.
class real_people : public people {
public:
    /// @param answer whether they answer at a socket
    explicit real_people(bool answer) : answer_{answer} {}

    [[nodiscard]] std::unique_ptr<person> hire() override {
        return std::make_unique<real>(answer_ ? folder_ / std::to_string(++hired_) : "");
    }

private:
    class real : public person {
    public:
        // Sockets are made at names that begin with `path`, if there is one.
        explicit real(std::string path) : path_{std::move(path)} {
            auto found = podscope::identity_of(process_.pid());
            if (!found) {
                throw std::runtime_error{to_string(found.error())};
            }
            identity_ = std::move(*found);
        }

        [[nodiscard]] podscope::process_identity identity() const override { return identity_; }

        [[nodiscard]] std::string endpoint_for(const std::string& pod) override {
            if (path_.empty()) {
                return {};
            }
            return told("listen\n" + path_ + '.' + std::to_string(++sockets_) + '\n' + pod);
        }

        void answer_for(const std::string& pod, podscope::epoch granted) override {
            if (!path_.empty()) {
                told("answer\n" + pod + '\n' + std::to_string(static_cast<std::uint64_t>(granted)));
            }
        }

        void kill() override { process_.kill(); }

        void hang() override { process_.stop(); }

        void wake() override { process_.resume(); }

    private:
        std::string told(const std::string& text) const {
            auto answer = process_.ask(text);
            if (answer.starts_with("error")) {
                throw std::runtime_error{answer};
            }
            return answer;
        }

        helper_process process_;
        std::string path_;
        podscope::process_identity identity_;
        int sockets_{0};
    };

    temporary_folder folder_;
    bool answer_;
    int hired_{0};
};

} // namespace podscope_test
