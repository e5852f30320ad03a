# SPDX-License-Identifier: BSL-1.0
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Nothing in the package depends on the architecture, so it goes to share/.
set(podscope_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/podscope)

configure_package_config_file(
    cmake/podscope-config.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/podscope-config.cmake
    INSTALL_DESTINATION ${podscope_package_dir}
)
write_basic_package_version_file(
    ${CMAKE_CURRENT_BINARY_DIR}/podscope-config-version.cmake
    COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT
)

install(TARGETS podscope EXPORT podscope-targets FILE_SET HEADERS)
install(EXPORT podscope-targets NAMESPACE podscope:: DESTINATION ${podscope_package_dir})
install(
    FILES ${CMAKE_CURRENT_BINARY_DIR}/podscope-config.cmake
          ${CMAKE_CURRENT_BINARY_DIR}/podscope-config-version.cmake cmake/FindLMDB.cmake
    DESTINATION ${podscope_package_dir}
)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/podscope)
