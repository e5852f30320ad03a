// SPDX-License-Identifier: BSL-1.0
// The input is a text that was meant as a name, a grant, a boot's id or an endpoint. What is taken
// for one says the same when it is written again, and an accepted name is good for all that a name
// is used for.
#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "support/results.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/boot_id.hpp>
#include <podscope/names.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/probe/tcp_address.hpp>
#include <podscope/probe/unix_address.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace {

using namespace podscope;
using fuzz::expect;
using podscope_test::must;

void examine_name(std::string_view name) {
    const auto checked = check_name(name);
    if (!checked) {
        expect(checked.error().category == errc::invalid_name, "F35 another category");
        return;
    }
    expect(is_utf8(name) && name.find('/') == std::string_view::npos, "F35 a name is not safe");

    static const fuzz::scratch place;
    const auto file = place.fresh() + "/" + std::string{name};
    std::ofstream{file} << "x";
    expect(fuzz::bytes_of(file) == "x", "F35 a name is no name of a file");

    basic_memory<pod_schema> store;
    must(store.write([&](auto& txn) {
        const scope_rule rule{resource{}.child(name), permission::write, true};
        return registry{txn}.insert(
            {.pod = std::string{name}, .allow = {rule}, .granted = epoch{1}, .adopted = true}, {});
    }));
    const auto found = must(store.read([&](auto& txn) { return registry{txn}.find(name); }));
    expect(found && found->pod == name, "a name that is accepted is not found again");

    const grant given{std::string{name}, epoch{7}};
    expect(grant::from_text(given.to_text()) == given, "a grant to a name cannot be passed on");
}

void examine_grant(std::string_view text) {
    if (const auto read = grant::from_text(text)) {
        expect(check_name(read->pod).has_value(), "a grant is to nobody");
        expect(grant::from_text(read->to_text()) == *read, "a grant reads as another one");
    }
}

void examine_boot(std::string_view text) {
    if (const auto read = boot_id::from_text(text)) {
        expect(read->to_text() == text, "a boot's id is written as another text");
    }
}

void examine_unix(std::string_view text) {
    if (const auto read = probe_detail::unix_endpoint_address(text)) {
        sockaddr_un address{};
        std::memcpy(&address, &read->bytes, sizeof address);
        expect(address.sun_family == AF_UNIX && unix_endpoint(address.sun_path) == text,
               "the address of a socket is another one");
    }
}

// An address whose bytes are the input's is written by the system and read as it is.
template <class Address>
void examine_port(int family, std::string_view bytes, std::uint16_t port) {
    Address address{};
    if (bytes.size() < sizeof address || port == 0) {
        return;
    }
    std::memcpy(&address, bytes.data(), sizeof address);
    std::array<char, INET6_ADDRSTRLEN> host{};
    ::inet_ntop(family, &address, host.data(), host.size());
    const bool is_six = family == AF_INET6;
    const auto read = probe_detail::tcp_endpoint_address(
        "tcp:" + (is_six ? "[" + std::string{host.data()} + "]" : std::string{host.data()}) + ":" +
        std::to_string(port));
    expect(read && read->family() == family, "the address of a port is not read");
    const auto at = is_six ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr);
    const auto* const stored = static_cast<const char*>(static_cast<const void*>(&read->bytes));
    expect(std::memcmp(stored + at, &address, sizeof address) == 0, "an address is another one");
}

void examine_tcp(std::string_view text) {
    const auto read = probe_detail::tcp_endpoint_address(text);
    if (!read) {
        return;
    }
    std::array<char, INET6_ADDRSTRLEN> host{};
    std::string again{tcp_endpoint_scheme};
    if (read->family() == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &read->bytes, sizeof address);
        ::inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
        again += std::string{host.data()} + ":" + std::to_string(ntohs(address.sin_port));
    } else {
        sockaddr_in6 address{};
        std::memcpy(&address, &read->bytes, sizeof address);
        ::inet_ntop(AF_INET6, &address.sin6_addr, host.data(), host.size());
        again += "[" + std::string{host.data()} + "]:" + std::to_string(ntohs(address.sin6_port));
    }
    const auto same = probe_detail::tcp_endpoint_address(again);
    expect(same && same->length == read->length &&
               std::memcmp(&same->bytes, &read->bytes, sizeof same->bytes) == 0,
           "the address of a port is another one");
}

} // namespace

void fuzz::examine(std::string_view input) {
    examine_name(input);
    examine_grant(input);
    examine_boot(input);
    examine_unix(input);
    examine_tcp(input);
    examine_port<in_addr>(AF_INET, input, static_cast<std::uint16_t>(input.size()));
    examine_port<in6_addr>(AF_INET6, input, static_cast<std::uint16_t>(input.size()));
}
