# How the folders of the project become targets.

# project_library(NAME SOURCES file... [LINKS target...] [PRIVATE_LINKS target...])
# A folder of lib/: its public headers are in include/, and nothing else of the project is on its
# include path than what it links, so that an include against the direction of the rooms fails.
function(project_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include
                                       PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE project_warnings ${arg_PRIVATE_LINKS})
endfunction()

# project_test(NAME SOURCES file... LINKS target... [LABELS label...])
# One cmocka program, run by ctest under the name NAME.
function(project_test name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS;LABELS" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
    target_link_libraries(${name} PRIVATE project_warnings ${arg_LINKS} cmocka::cmocka)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS "${arg_LABELS}")
endfunction()
