# SPDX-License-Identifier: BSL-1.0
# Fails unless a Markdown document holds a source file's text, less its licence
# line, as a code block, and that text is at most 25 lines long.
#
# usage: cmake -D document=FILE -D source=FILE -P shows.cmake

# Read as hex, since a CMake list would take semicolons and brackets apart.
file(READ ${document} shown HEX)
file(STRINGS ${source} licence LIMIT_COUNT 1)
if(NOT licence MATCHES "^// SPDX-License-Identifier: ")
    message(FATAL_ERROR "${source} does not begin with its licence line")
endif()
string(LENGTH "${licence}\n" licence_length)
file(READ ${source} code OFFSET ${licence_length} HEX)

string(HEX "```cpp\n" opening)
string(HEX "```\n" closing)
string(FIND "${shown}" "${opening}${code}${closing}" at)
if(at EQUAL -1)
    message(FATAL_ERROR "${document} does not show ${source} as it is: copy it there")
endif()

string(REGEX MATCHALL "0a" ends "${code}")
list(LENGTH ends lines)
if(lines GREATER 25)
    message(FATAL_ERROR "${source} has ${lines} lines; one that is shown has at most 25")
endif()
