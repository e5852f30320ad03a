# SPDX-License-Identifier: BSL-1.0
set(with_toml OFF)
if(TARGET podscope::toml AND EXISTS ${PROJECT_SOURCE_DIR}/include/podscope/pod/manifest_toml.hpp)
    set(with_toml ON)
endif()

# Each in a standard of its own, so that every compiler sees both.
foreach(way_and_standard IN ITEMS find_package,20 FetchContent,23)
    string(REPLACE "," ";" way_and_standard ${way_and_standard})
    list(GET way_and_standard 0 way)
    list(GET way_and_standard 1 standard)
    add_test(
        NAME "consumer ${way}"
        COMMAND
            ${CMAKE_COMMAND} #
            -D way=${way} #
            -D podscope_source=${PROJECT_SOURCE_DIR} #
            -D podscope_build=${PROJECT_BINARY_DIR} #
            -D version=${PROJECT_VERSION} #
            -D scratch=${CMAKE_CURRENT_BINARY_DIR}/consumer/${way} #
            -D generator=${CMAKE_GENERATOR} #
            -D compiler=${CMAKE_CXX_COMPILER} #
            -D standard=${standard} #
            -D with_toml=${with_toml} #
            -D "prefix_path=${CMAKE_PREFIX_PATH}" #
            -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/run.cmake
    )
    set_tests_properties("consumer ${way}" PROPERTIES LABELS consumer TIMEOUT 300)
endforeach()
