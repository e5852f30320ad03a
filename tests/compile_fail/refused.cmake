# SPDX-License-Identifier: BSL-1.0
# Fails unless `source` compiles or, with `mistake` defined, does not, and what
# the compiler says matches all that the head of the file has for that mistake.
cmake_minimum_required(VERSION 3.25)

list(REMOVE_DUPLICATES include_dirs)
list(REMOVE_ITEM include_dirs "")
list(TRANSFORM include_dirs PREPEND -I)
set(macro "")
if(DEFINED mistake)
    set(macro -D${mistake})
endif()
execute_process(
    COMMAND ${compiler} ${standard} -fsyntax-only ${include_dirs} ${macro} ${source}
    RESULT_VARIABLE code
    OUTPUT_VARIABLE said
    ERROR_VARIABLE said
)

if(NOT DEFINED mistake)
    if(NOT code EQUAL 0)
        message(FATAL_ERROR "it does not compile:\n${said}")
    endif()
    return()
endif()
if(code EQUAL 0)
    message(FATAL_ERROR "it compiles")
endif()
# One line, since a message says on its later ones what is missing.
string(REGEX REPLACE "[ \n]+" " " line "${said}")
file(STRINGS ${source} expected REGEX "^// ${mistake}: ")
foreach(each IN LISTS expected)
    string(REGEX REPLACE "^// ${mistake}: " "" message "${each}")
    if(NOT line MATCHES "${message}")
        message(FATAL_ERROR "what the compiler says does not match '${message}':\n${said}")
    endif()
endforeach()
