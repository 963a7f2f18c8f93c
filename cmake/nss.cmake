# libnss_mist.so.2, the NSS module (sidecar/nss/), where the C library is glibc. It has the message code of core/ in it
# and shows nothing but _nss_mist_*.
include(CheckIncludeFile)
check_include_file(nss.h HAVE_NSS)
if(NOT HAVE_NSS)
  return()
endif()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/arrows/sidecar)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/sidecar ${CMAKE_BINARY_DIR}/arrows/sidecar/sidecar SYMBOLIC)
file(GLOB nss_sources CONFIGURE_DEPENDS sidecar/nss/*.c)
add_library(nss_mist MODULE ${nss_sources})
set_target_properties(nss_mist PROPERTIES PREFIX lib SUFFIX .so.2)
target_include_directories(nss_mist PRIVATE ${CMAKE_BINARY_DIR}/arrows/sidecar)
target_link_libraries(nss_mist PRIVATE mist_core)
target_link_options(nss_mist PRIVATE -Wl,-soname,libnss_mist.so.2 -Wl,--exclude-libs,ALL
  -Wl,-z,relro,-z,now)
if(NOT SANITIZER)
  target_link_options(nss_mist PRIVATE -Wl,--no-undefined)
endif()
install(TARGETS nss_mist LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# Loaded by the test as glibc would, so that sanitizers see it.
if(TESTS)
  add_executable(sidecar_test_nss tests/sidecar/test_nss.c)
  target_link_libraries(sidecar_test_nss PRIVATE mist_net PkgConfig::CMOCKA ${CMAKE_DL_LIBS})
  target_include_directories(sidecar_test_nss PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(sidecar_test_nss PRIVATE NSS_MODULE="$<TARGET_FILE:nss_mist>")
  add_dependencies(sidecar_test_nss nss_mist)
  add_test(NAME sidecar/test_nss COMMAND sidecar_test_nss)
  set_tests_properties(sidecar/test_nss PROPERTIES TIMEOUT 300)
endif()
