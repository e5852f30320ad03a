// SPDX-License-Identifier: BSL-1.0
#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/podscope.hpp>
#include <podscope/probe/tcp_socket.hpp>

#include <chrono>
#include <iostream>

int main() {
    using namespace podscope;
    const etcd_options cluster{
        .endpoints = {"http://10.0.0.1:2379", "http://10.0.0.2:2379", "http://10.0.0.3:2379"},
        .prefix = "pods/",
        .lease_term = std::chrono::seconds{15}};

    // auto world = open_runtime("pods").value();
    auto world =
        open_runtime("pods", use::backend(open_etcd_store(cluster, etcd_over_http()).value()),
                     use::probe(tcp_probe{}))
            .value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    std::cout << planner.check("/ws/a", permission::write).has_value() << '\n';
    planner.release().value();
}
