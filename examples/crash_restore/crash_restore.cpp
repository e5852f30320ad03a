// SPDX-License-Identifier: BSL-1.0
// A team of processes, a crash, and a restore: see options.hpp, or run it with --help.
#include "backing.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
    return demo::run<demo::in_folder>(argc, argv);
}
