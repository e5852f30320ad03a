// SPDX-License-Identifier: BSL-1.0
#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/pod/split_store.hpp>
#include <podscope/podscope.hpp>

#include <chrono>
#include <iostream>

int main(int argc, char** argv) {
    using namespace podscope;
    auto registry = open_etcd_store({.endpoints = {argc > 1 ? argv[1] : "http://10.0.0.1:2379"},
                                     .prefix = "pods/",
                                     .lease_term = std::chrono::seconds{15}},
                                    etcd_over_http())
                        .value();
    auto records = basic_journal<pod_store_part>::open("pods").value();

    auto world = open_runtime("pods", use::backend(split_store{registry, records})).value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    std::cout << planner.check("/ws/a", permission::write).has_value() << '\n';
    planner.release().value();
}
