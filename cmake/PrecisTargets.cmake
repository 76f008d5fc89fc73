# Functions that make the targets: one static library per room, one test program per room.
include(GNUInstallDirs)

set(PRECIS_COMPILE_OPTIONS -Wall -Wextra -ffp-contract=off -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns falsely where std::string is appended to a literal (GCC bug 105651).
  list(APPEND PRECIS_COMPILE_OPTIONS -Wno-restrict)
endif()
if(PRECIS_WERROR)
  list(APPEND PRECIS_COMPILE_OPTIONS -Werror)
endif()
if(PRECIS_SANITIZE)
  list(APPEND PRECIS_COMPILE_OPTIONS -fsanitize=${PRECIS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PRECIS_SANITIZE})
endif()

if(PRECIS_FUZZ)  # coverage for libFuzzer in all of our sources; only the targets of fuzz/ link its main()
  list(APPEND PRECIS_COMPILE_OPTIONS -fsanitize=fuzzer-no-link)
endif()

# precis_room(<name> SOURCES ... DEPENDS <rooms> LINK <private third-party targets>)
function(precis_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(precis_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(precis_${name} PUBLIC "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
  target_compile_options(precis_${name} PRIVATE ${PRECIS_COMPILE_OPTIONS})
  list(TRANSFORM ROOM_DEPENDS PREPEND precis_)
  target_link_libraries(precis_${name} PUBLIC ${ROOM_DEPENDS} PRIVATE ${ROOM_LINK} fmt::fmt)
endfunction()

# std::regex under GCC's sanitizers warns about its own members.
function(precis_uses_regex source)
  if(PRECIS_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-Wno-maybe-uninitialized")
  endif()
endfunction()

# precis_test(<room> SOURCES ... DEPENDS <rooms> [LABELS ...]): tests/<room> as one GoogleTest program, one ctest per TEST.
function(precis_test name)
  cmake_parse_arguments(T "" "" "SOURCES;DEPENDS;LINK;LABELS" ${ARGN})
  add_executable(${name}_test ${T_SOURCES})
  list(TRANSFORM T_DEPENDS PREPEND precis_)
  target_compile_options(${name}_test PRIVATE ${PRECIS_COMPILE_OPTIONS})
  target_include_directories(${name}_test PRIVATE "${CMAKE_SOURCE_DIR}")
  target_compile_definitions(${name}_test PRIVATE
    PRECIS_SHARED_DATA="${PRECIS_SHARED_DATA}" PRECIS_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name}_test PRIVATE ${T_DEPENDS} ${T_LINK} fmt::fmt GTest::gmock GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name}_test)
  if(T_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}")
  endif()
endfunction()
