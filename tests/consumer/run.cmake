# SPDX-License-Identifier: BSL-1.0
# Configures, builds and runs the consumer in an empty folder.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${scratch})

if(way STREQUAL "find_package")
    execute_process(
        COMMAND ${CMAKE_COMMAND} --install ${podscope_build} --prefix ${scratch}/prefix
        OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
    )
    list(PREPEND prefix_path ${scratch}/prefix)
    set(found_by "")
else()
    set(found_by -D PODSCOPE_SOURCE_DIR=${podscope_source})
endif()

execute_process(
    COMMAND
        ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${scratch}/build -G ${generator} #
        -D CMAKE_CXX_COMPILER=${compiler} #
        -D CMAKE_CXX_STANDARD=${standard} #
        "-D CMAKE_PREFIX_PATH=${prefix_path}" #
        -D WITH_TOML=${with_toml} ${found_by} COMMAND_ERROR_IS_FATAL ANY
)
execute_process(
    COMMAND ${CMAKE_COMMAND} --build ${scratch}/build --target consumer COMMAND_ERROR_IS_FATAL ANY
)
execute_process(
    COMMAND ${scratch}/build/consumer
    OUTPUT_VARIABLE output
    COMMAND_ERROR_IS_FATAL ANY
)
if(NOT output STREQUAL "podscope ${version}\n")
    message(FATAL_ERROR "the consumer of podscope ${version} printed: ${output}")
endif()
