// SPDX-License-Identifier: BSL-1.0
// The same team, crash and restore, with registry and records in an etcd.
#include "etcd_backing.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
    return demo::run<demo::in_etcd>(argc, argv);
}
