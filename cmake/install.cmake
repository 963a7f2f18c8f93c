# What `cmake --install` puts in place: program, both libraries, header, pkg-config file, CMake
# package, manual pages. Nothing holds the prefix, so that the tree can be moved as a whole.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The shared library is made of the same objects as the archive.
add_library(mistcore_shared SHARED ${objects})
set_target_properties(mistcore_shared PROPERTIES OUTPUT_NAME mistcore
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C)
target_link_libraries(mistcore_shared PRIVATE
  PkgConfig::URING PkgConfig::CRYPTO PkgConfig::CARES Threads::Threads)

file(RELATIVE_PATH MISTCORE_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
file(RELATIVE_PATH MISTCORE_CMAKE_UP /${CMAKE_INSTALL_LIBDIR}/cmake/mistcore /)
string(REGEX REPLACE "/$" "" MISTCORE_PC_UP ${MISTCORE_PC_UP})
string(REGEX REPLACE "/$" "" MISTCORE_CMAKE_UP ${MISTCORE_CMAKE_UP})
configure_file(cmake/mistcore.pc.in mistcore.pc @ONLY)
configure_file(cmake/mistcoreConfig.cmake.in mistcoreConfig.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mistcoreConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

install(TARGETS mistcore_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/mistcore.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/mistcore.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/mistcoreConfig.cmake
  ${CMAKE_BINARY_DIR}/mistcoreConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mistcore)
install(DIRECTORY sidecar/node DESTINATION ${CMAKE_INSTALL_DATADIR}/mistcore) # where `mist run` finds it
if(TARGET mist)
  install(TARGETS mist RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/sidecar/node) # where `mist run` looks for it
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/sidecar/node DESTINATION ${CMAKE_INSTALL_DATADIR}/mistcore)
endif()

# Manual pages: docs/man/mist.conf.5.scd becomes mist.conf.5, where scdoc is installed.
find_program(SCDOC scdoc)
file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.scd)
if(SCDOC)
  set(manual)
  foreach(source ${pages})
    get_filename_component(page ${source} NAME)
    string(REGEX REPLACE "\\.scd$" "" page ${page})
    string(REGEX REPLACE ".*\\." "" section ${page})
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/${page}
      COMMAND sh -c "\"$1\" <\"$2\" >\"$3\"" sh ${SCDOC} ${source} ${CMAKE_BINARY_DIR}/${page}
      DEPENDS ${source} VERBATIM COMMENT "Writing ${page}")
    list(APPEND manual ${CMAKE_BINARY_DIR}/${page})
    install(FILES ${CMAKE_BINARY_DIR}/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(manual ALL DEPENDS ${manual})
endif()
