# SPDX-License-Identifier: BSL-1.0
# Fails if `source` reaches a header that is neither podscope's own, nor the
# system's, nor one of the third parties that the core names.
cmake_minimum_required(VERSION 3.25)

set(third_party
    "/boost/hana(\\.hpp$|/)"
    "/(range/v3|meta|concepts)/"
    "/std/detail/" # range-v3's own, in spite of the name
    "/tl/expected\\.hpp$"
)

# Third parties share /usr/include and its like with the C library and the
# kernel, whose part is known only by name: this is all that glibc installs.
set(system_files
    aio aliases alloca ar argp argz assert byteswap complex cpio ctype dirent dlfcn elf endian envz
    err errno error execinfo fcntl features features-time64 fenv fmtmsg fnmatch fstab fts ftw gconv
    getopt glob gnu-versions grp gshadow iconv ifaddrs inttypes langinfo lastlog libgen libintl
    limits link locale malloc math mcheck memory mntent monetary mqueue netdb nl_types nss obstack
    paths poll printf proc_service pthread pty pwd re_comp regex regexp resolv sched search
    semaphore setjmp sgtty shadow signal spawn stab stdc-predef stdint stdio stdio_ext stdlib string
    strings syscall sysexits syslog tar termio termios tgmath thread_db threads time ttyent uchar
    ucontext ulimit unistd utime utmp utmpx values wait wchar wctype wordexp
)
list(TRANSFORM system_files APPEND .h)
set(system_folders "^(arpa|asm|asm-generic|bits|c[+][+]|gnu|linux|net|netinet|rpc|sys)/")

set(shared_dirs "")
set(compiler_dirs "")
foreach(dir IN LISTS implicit_dirs)
    file(REAL_PATH ${dir} dir)
    if(dir MATCHES "/include$|/include/[^/]*-linux-[^/]*$" AND NOT dir MATCHES "/(gcc|clang)/")
        list(APPEND shared_dirs ${dir})
    else()
        list(APPEND compiler_dirs ${dir})
    endif()
endforeach()

list(REMOVE_DUPLICATES include_dirs)
list(REMOVE_ITEM include_dirs "")
list(TRANSFORM include_dirs PREPEND -I)
execute_process(
    COMMAND ${compiler} ${standard} ${include_dirs} -M -MT target ${source}
    OUTPUT_VARIABLE rule
    COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX REPLACE "^target:" "" rule "${rule}")
string(REGEX REPLACE "[ \\\n]+" ";" reached "${rule}")
list(REMOVE_ITEM reached "")

file(REAL_PATH ${own_dir} own_dir)
set(own 0)
set(strangers "")
foreach(header IN LISTS reached)
    file(REAL_PATH ${header} header)
    if(header STREQUAL source)
        continue()
    endif()

    cmake_path(IS_PREFIX own_dir ${header} is_own)
    if(is_own)
        math(EXPR own "${own} + 1")
        continue()
    endif()

    set(known FALSE)
    foreach(pattern IN LISTS third_party)
        if(header MATCHES "${pattern}")
            set(known TRUE)
        endif()
    endforeach()
    foreach(dir IN LISTS compiler_dirs)
        cmake_path(IS_PREFIX dir ${header} below)
        if(below)
            set(known TRUE)
        endif()
    endforeach()
    foreach(dir IN LISTS shared_dirs)
        cmake_path(IS_PREFIX dir ${header} below)
        if(below)
            cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${dir} OUTPUT_VARIABLE name)
            if(name IN_LIST system_files OR name MATCHES "${system_folders}")
                set(known TRUE)
            endif()
        endif()
    endforeach()
    if(NOT known)
        list(APPEND strangers ${header})
    endif()
endforeach()

if(own EQUAL 0)
    message(FATAL_ERROR "${source} reaches no header of podscope: the check checks nothing")
endif()
if(strangers)
    list(JOIN strangers "\n  " strangers)
    message(FATAL_ERROR "${source} reaches\n  ${strangers}")
endif()
list(LENGTH reached count)
message(STATUS "${count} headers, ${own} of them podscope's, none from elsewhere")
