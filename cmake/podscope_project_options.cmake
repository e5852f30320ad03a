# SPDX-License-Identifier: BSL-1.0
# What podscope's own tests, examples and benchmarks are built with. Nothing of
# this reaches the interface target: its users choose their own flags.

option(PODSCOPE_WARNINGS_AS_ERRORS "Treat warnings in podscope's own targets as errors" OFF)
set(PODSCOPE_SANITIZE
    ""
    CACHE STRING "Sanitizers for podscope's own targets, as -fsanitize= takes them"
)

set(PODSCOPE_COVERAGE
    ""
    CACHE STRING "Counters for ./dev coverage: branches, or mcdc; needs clang"
)

if(NOT DEFINED CMAKE_CXX_STANDARD)
    set(CMAKE_CXX_STANDARD 20)
endif()
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(PODSCOPE_CCACHE ccache)
    if(PODSCOPE_CCACHE)
        # Which precompiled header was used is told by its contents.
        set(CMAKE_CXX_COMPILER_LAUNCHER
            ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${PODSCOPE_CCACHE}
        )
    endif()
endif()

# GCC 12 takes `"text" + std::string` for a copy that overlaps itself (GCC bug
# 105329), and, optimising, the value of an expected that holds none for one that
# is read.
set(gcc_12 "$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>")

add_library(podscope_project_options INTERFACE)
target_compile_options(
    podscope_project_options
    INTERFACE
        -Wall
        -Wextra
        -Wpedantic
        -Wshadow
        -Wconversion
        -Wsign-conversion
        -Wnon-virtual-dtor
        -Wold-style-cast
        -Wcast-qual
        -Woverloaded-virtual
        # Not for GCC: it follows inlined code into libstdc++, and blames its streams.
        $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wnull-dereference>
        "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>"
        "$<${gcc_12}:-Wno-restrict;-Wno-maybe-uninitialized>"
        $<$<BOOL:${PODSCOPE_WARNINGS_AS_ERRORS}>:-Werror>
)
if(PODSCOPE_SANITIZE)
    target_compile_options(
        podscope_project_options
        INTERFACE -fsanitize=${PODSCOPE_SANITIZE} -fno-sanitize-recover=all
                  -fno-omit-frame-pointer
    )
    target_link_options(podscope_project_options INTERFACE -fsanitize=${PODSCOPE_SANITIZE})
endif()
if(PODSCOPE_COVERAGE)
    # Counters that lie in their file count what a process did that was killed, too; other processes
    # count there at the same time, so that each has to be atomic. MC/DC has none such, and gives up
    # on a decision of many conditions, with a warning.
    target_compile_options(
        podscope_project_options
        INTERFACE
            -fprofile-instr-generate -fprofile-update=atomic -fcoverage-mapping
            "$<IF:$<STREQUAL:${PODSCOPE_COVERAGE},mcdc>,SHELL:-fcoverage-mcdc -Wno-error,SHELL:-mllvm -runtime-counter-relocation=true>"
    )
    target_link_options(podscope_project_options INTERFACE -fprofile-instr-generate)
endif()
