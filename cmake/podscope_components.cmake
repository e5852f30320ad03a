# SPDX-License-Identifier: BSL-1.0
# Headers that need a third party which the core does not. Each is a component
# (podscope::<name>) that exists only where that third party was found, so that
# nobody has to have it.

set(PODSCOPE_COMPONENTS "") # those that were found
set(PODSCOPE_MISSING_HEADERS "") # relative to include/podscope
set(podscope_component_table "") # for the installed package: name,package,target

function(podscope_component name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "PACKAGE;TARGET" "HEADERS")
    if(NOT TARGET ${arg_TARGET})
        find_package(${arg_PACKAGE} QUIET)
    endif()
    if(TARGET ${arg_TARGET})
        add_library(podscope_${name} INTERFACE)
        add_library(podscope::${name} ALIAS podscope_${name})
        target_link_libraries(podscope_${name} INTERFACE podscope::podscope ${arg_TARGET})
        list(APPEND PODSCOPE_COMPONENTS ${name})
    else()
        message(STATUS "podscope::${name} is left out: ${arg_PACKAGE} was not found")
        list(APPEND PODSCOPE_MISSING_HEADERS ${arg_HEADERS})
    endif()
    list(APPEND podscope_component_table "${name},${arg_PACKAGE},${arg_TARGET}")
    return(PROPAGATE PODSCOPE_COMPONENTS PODSCOPE_MISSING_HEADERS podscope_component_table)
endfunction()

podscope_component(
    toml
    PACKAGE tomlplusplus
    TARGET tomlplusplus::tomlplusplus
    HEADERS pod/manifest_toml.hpp
)
podscope_component(
    sqlite
    PACKAGE SQLite3
    TARGET SQLite::SQLite3
    HEADERS backend/sqlite.hpp
            backend/sqlite_connection.hpp
            backend/sqlite_error.hpp
            backend/sqlite_pool.hpp
            backend/sqlite_schema.hpp
            backend/sqlite_statement.hpp
            backend/sqlite_transaction.hpp
)
podscope_component(
    lmdb
    PACKAGE LMDB
    TARGET LMDB::LMDB
    HEADERS backend/lmdb.hpp backend/lmdb_environment.hpp backend/lmdb_error.hpp
            backend/lmdb_file.hpp backend/lmdb_transaction.hpp
)
podscope_component(
    etcd_tls
    PACKAGE OpenSSL
    TARGET OpenSSL::SSL
    HEADERS backend/etcd_https.hpp
)

list(TRANSFORM PODSCOPE_COMPONENTS PREPEND podscope:: OUTPUT_VARIABLE PODSCOPE_COMPONENT_TARGETS)
