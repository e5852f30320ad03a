# SPDX-License-Identifier: BSL-1.0
# Each header in a file of its own, in which nothing else comes first that it does not include.
#
# What a header includes may be there before it as well as not: includes stand before anything that
# could need them, and what is included is compiled alone in its turn. So each of these is
# precompiled for those that include it, and a header is compiled with the last of them that it
# includes.
set(precompiled
    result.hpp
    backend/concept.hpp
    scope/scope.hpp
    registry/records.hpp
    registry/registry.hpp
    pod/runtime_core.hpp
    pod/runtime.hpp
    verify/conformance/store_hand.hpp
)

# Sets `out` to all headers of ours that a header includes, by whatever way.
function(podscope_included_by header out)
    string(MAKE_C_IDENTIFIER ${header} id)
    get_property(is_known GLOBAL PROPERTY podscope_included_by_${id} SET)
    if(NOT is_known)
        set(all "")
        file(STRINGS ${include_dir}/${header} lines REGEX "^#include <podscope/")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${include_dir}/${header})
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^#include <(.*)>$" "\\1" included "${line}")
            podscope_included_by(${included} further)
            list(APPEND all ${included} ${further})
        endforeach()
        list(REMOVE_DUPLICATES all)
        set_property(GLOBAL PROPERTY podscope_included_by_${id} "${all}")
    endif()
    get_property(all GLOBAL PROPERTY podscope_included_by_${id})
    set(${out} "${all}" PARENT_SCOPE)
endfunction()

foreach(header IN LISTS headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${include_dir})
    string(REGEX REPLACE "\\.hpp$" ".cpp" source ${header})
    podscope_write_includes(alone/${source} ${header} ${header})

    podscope_included_by(${header} included)
    set(with nothing)
    foreach(one IN LISTS precompiled)
        if(podscope/${one} IN_LIST included)
            set(with ${one})
        endif()
    endforeach()
    list(APPEND alone_with_${with} ${CMAKE_CURRENT_BINARY_DIR}/alone/${source})
endforeach()

foreach(with IN ITEMS nothing LISTS precompiled)
    string(MAKE_C_IDENTIFIER headers_alone_with_${with} target)
    podscope_header_library(${target} ${alone_with_${with}})
    if(NOT with STREQUAL "nothing")
        target_precompile_headers(${target} PRIVATE <podscope/${with}>)
    endif()
endforeach()
