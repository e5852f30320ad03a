// SPDX-License-Identifier: BSL-1.0
// What is read from a connection, piece by piece, whatever the pieces are; and connections that
// do not come about, or on which nothing moves.
#include "backend/etcd_imposter.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd_http.hpp>
#include <podscope/backend/etcd_stream.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::etcd_deadline;
using podscope::etcd_endpoint;
using podscope::etcd_errc;
using podscope::result;
using podscope::backend_detail::etcd_http_channel;
using podscope::backend_detail::etcd_tcp_stream;
using podscope_test::error_of;
using podscope_test::must;

etcd_deadline soon() {
    return std::chrono::steady_clock::now() + 200ms;
}

etcd_deadline late() {
    return std::chrono::steady_clock::now() + 60s;
}

// What a connection says, a piece at a time. It is closed after the last one.
class said_in_pieces final : public podscope::backend_detail::etcd_stream {
public:
    said_in_pieces(std::vector<std::string> pieces, std::string& heard)
        : left_{std::move(pieces)},
          heard_{&heard} {
        std::ranges::reverse(left_);
    }

    result<void> write(std::string_view bytes, etcd_deadline) override {
        heard_->append(bytes);
        return {};
    }

    result<std::size_t> read(std::span<char> into, etcd_deadline) override {
        if (left_.empty()) {
            return std::size_t{0};
        }
        auto& piece = left_.back();
        const auto size = piece.copy(into.data(), into.size());
        piece.erase(0, size);
        if (piece.empty()) {
            left_.pop_back();
        }
        return size;
    }

    void cancel() noexcept override {}

private:
    std::vector<std::string> left_;
    std::string* heard_;
};

// Calls over such a connection.
struct told_in_pieces {
    explicit told_in_pieces(std::vector<std::string> pieces, const std::string& at = "http://h:1")
        : channel{*etcd_endpoint::parse(at),
                  std::make_unique<said_in_pieces>(std::move(pieces), heard)} {}

    auto next() { return channel.next_line(late()); }

    std::string heard{};
    etcd_http_channel channel;
};

std::string in_chunks(const std::string& body) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string size;
    for (auto left = body.size(); left != 0; left /= 16) {
        size.insert(size.begin(), hex[left % 16]);
    }
    return size + "\r\n" + body + "\r\n";
}

// Where a socket takes connections now, of which so many can wait.
etcd_endpoint listened_at(int listening, int waiting) {
    auto address = podscope_test::loopback(0);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening, any, size) == 0);
    REQUIRE(::listen(listening, waiting) == 0);
    REQUIRE(::getsockname(listening, any, &size) == 0);
    return *etcd_endpoint::parse("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
}

const std::string begun{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
const std::string over{"0\r\n\r\n"};

} // namespace

TEST_CASE("lines of etcd are read in whichever pieces they come, until there are no more") {
    const auto whole = begun + in_chunks("one\ntw") + in_chunks("o\n") + in_chunks("thr") + over;
    std::vector<std::string> bytes;
    for (const char one : whole) {
        bytes.emplace_back(1, one);
    }
    for (const auto& pieces : {std::vector<std::string>{whole}, bytes}) {
        told_in_pieces told{pieces};
        must(told.channel.begin({"/v3/watch", "{}", {}}, late()));
        CHECK(must(told.next()) == "one");
        CHECK(must(told.next()) == "two");
        const auto why = error_of(told.next());
        CHECK(why.system == etcd_errc::no_endpoint);
        CHECK(why.message.find("over") != std::string::npos);
    }
}

TEST_CASE("F48 a line of etcd that has no end is no line") {
    std::vector<std::string> pieces{begun};
    for (int mebibytes = 0; mebibytes != 17; ++mebibytes) {
        pieces.push_back(in_chunks(std::string(std::size_t{1} << 20U, 'x')));
    }
    pieces.push_back(in_chunks("\n"));
    told_in_pieces told{std::move(pieces)};
    must(told.channel.begin({"/v3/watch", "{}", {}}, late()));
    CHECK(error_of(told.next()).system == etcd_errc::no_etcd);
}

TEST_CASE("F48 what the answer of an etcd begins with has an end") {
    told_in_pieces told{{begun + "1;" + std::string(100'000, 'x')}};
    CHECK(error_of(told.channel.post({"/v3/kv/txn", "{}", {}}, late())).system ==
          etcd_errc::no_etcd);
}

TEST_CASE("F45 F48 an answer that nobody has asked for is not that to the next call") {
    const auto answer = [](const std::string& body) {
        return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + body;
    };
    told_in_pieces twice{{answer("1") + answer("2"), answer("3")}};
    CHECK(must(twice.channel.post({"/v3/kv/txn", "{}", {}}, late())).body == "1");
    CHECK(error_of(twice.channel.post({"/v3/kv/txn", "{}", {}}, late())).system ==
          etcd_errc::no_etcd);
    told_in_pieces once{{answer("1"), answer("2")}};
    CHECK(must(once.channel.post({"/v3/kv/txn", "{}", {}}, late())).body == "1");
    CHECK(must(once.channel.post({"/v3/kv/txn", "{}", {}}, late())).body == "2");
}

TEST_CASE("an etcd is told by which host it was called") {
    const auto host_of = [](const std::string& at) {
        told_in_pieces told{{}, at};
        (void)told.channel.post({"/v3/kv/txn", "{}", "token"}, late());
        CHECK(told.heard.find("\r\nAuthorization: token\r\n") != std::string::npos);
        const auto from = told.heard.find("Host: ") + 6;
        return told.heard.substr(from, told.heard.find('\r', from) - from);
    };
    CHECK(host_of("http://db.example:2379") == "db.example:2379");
    CHECK(host_of("http://[::1]:2379") == "[::1]:2379");
}

TEST_CASE("F48 who writes to what does not read is kept no longer than his deadline", "[etcd]") {
    const etcd_imposter silent{"", false};
    const auto at = *etcd_endpoint::parse(silent.endpoint());
    auto stream = must(etcd_tcp_stream::connect(at, late()));
    // More than any socket holds.
    const std::string much(std::size_t{64} << 20U, 'x');
    CHECK(error_of(stream->write(much, soon())).system == etcd_errc::no_answer);
}

TEST_CASE("who writes to what reads slowly writes all", "[etcd]") {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto at = listened_at(listening, 1);
    auto stream = must(etcd_tcp_stream::connect(at, late()));
    const int reading = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    std::size_t heard = 0;
    std::thread reader{[&] {
        std::array<char, 65'536> some{};
        for (ssize_t size = 0; (size = ::recv(reading, some.data(), some.size(), 0)) > 0;) {
            heard += static_cast<std::size_t>(size);
        }
    }};
    // More than any socket holds.
    const std::string much(std::size_t{64} << 20U, 'x');
    CHECK(stream->write(much, late()).has_value());
    stream->cancel();
    reader.join();
    CHECK(heard == much.size());
    ::close(reading);
    ::close(listening);
}

TEST_CASE("F48 who calls on a connection that was ended is told so", "[etcd]") {
    const etcd_imposter silent{"", false};
    const auto by =
        must(podscope::etcd_over_http()(*etcd_endpoint::parse(silent.endpoint()), late()));
    by->cancel();
    CHECK_FALSE(by->post({"/v3/kv/txn", "{}", {}}, late()));
}

TEST_CASE("F48 who connects to what takes no connection is kept no longer than his deadline",
          "[etcd]") {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto at = listened_at(listening, 0);
    // The first few wait to be taken.
    std::vector<std::unique_ptr<etcd_tcp_stream>> waiting;
    auto made = etcd_tcp_stream::connect(at, soon());
    for (int more = 0; made && more != 16; ++more) {
        waiting.push_back(*std::move(made));
        made = etcd_tcp_stream::connect(at, soon());
    }
    CHECK(error_of(std::move(made)).system == etcd_errc::no_answer);
    ::close(listening);
}

TEST_CASE("F48 an address that nobody can have is no endpoint", "[etcd]") {
    const auto at = *etcd_endpoint::parse("http://255.255.255.255:1");
    CHECK(error_of(etcd_tcp_stream::connect(at, late())).system == etcd_errc::no_endpoint);
}
