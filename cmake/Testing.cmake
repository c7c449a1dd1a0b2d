# How tests are registered. Labels (CONTRIBUTING.md) choose what ./check runs
# where: unit, http, browser, client, fault, slow, sanitize, structure, fuzz.

pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
# The system's Python: the one that Debian's python3-gdal belongs to.
find_program(IMBREX_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT IMBREX_PYTHON)
    find_program(IMBREX_PYTHON python3 REQUIRED)
endif()

# Every test gets these; a script that exits with 77 was skipped and says why.
# Check's own four seconds per test are nothing under a sanitizer on a busy
# machine; TIMEOUT bounds the whole program.
function(imbrex_test_defaults name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    set(programs "")
    if(TARGET imbrex-server)
        list(APPEND programs "IMBREX_SERVER=$<TARGET_FILE:imbrex-server>")
    endif()
    if(TARGET imbrex-tiler)
        list(APPEND programs "IMBREX_TILER=$<TARGET_FILE:imbrex-tiler>")
    endif()
    set_tests_properties(${name} PROPERTIES
        LABELS "${ARG_LABELS}"
        TIMEOUT ${ARG_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT "CK_DEFAULT_TIMEOUT=240;IMBREX_SOURCE=${PROJECT_SOURCE_DIR};IMBREX_BUILD=${PROJECT_BINARY_DIR};IMBREX_SANITIZE=${IMBREX_SANITIZE};${programs}")
endfunction()

# A program of Check tests.
#   imbrex_unit_test(NAME pack.tile_id SOURCES test_tile_id.c LIBRARIES pack
#                    [LABELS unit] [TIMEOUT seconds])
function(imbrex_unit_test)
    cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;LIBRARIES;LABELS"
        ${ARGN})
    if(NOT ARG_LABELS)
        set(ARG_LABELS unit)
    endif()
    string(REGEX REPLACE "[^A-Za-z0-9_]" "_" target "test_${ARG_NAME}")
    add_executable(${target} ${ARG_SOURCES})
    target_link_libraries(${target} PRIVATE
        build_rules ${ARG_LIBRARIES} PkgConfig::CHECK)
    add_test(NAME ${ARG_NAME} COMMAND ${target})
    imbrex_test_defaults(${ARG_NAME}
        LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# A script that drives whole programs. It finds them and the sources in the
# environment: IMBREX_SERVER, IMBREX_TILER, IMBREX_SOURCE, IMBREX_BUILD.
#   imbrex_script_test(NAME http.tiles COMMAND python3 tiles.py
#                      LABELS http [TIMEOUT seconds])
function(imbrex_script_test)
    cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "COMMAND;LABELS" ${ARGN})
    list(TRANSFORM ARG_COMMAND REPLACE "^python3$" "${IMBREX_PYTHON}")
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_COMMAND}
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    imbrex_test_defaults(${ARG_NAME}
        LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# A libFuzzer target, built only with -DIMBREX_FUZZ=ON. As a test it first runs
# every file of CORPUS and then IMBREX_FUZZ_SECONDS of new inputs, which go to
# the build folder.
#   imbrex_fuzz_test(NAME pack SOURCES fuzz_pack.c LIBRARIES pack CORPUS corpus/pack)
function(imbrex_fuzz_test)
    if(NOT IMBREX_FUZZ)
        return()
    endif()
    cmake_parse_arguments(ARG "" "NAME;CORPUS" "SOURCES;LIBRARIES" ${ARGN})
    set(found ${CMAKE_CURRENT_BINARY_DIR}/found/${ARG_NAME})
    file(MAKE_DIRECTORY ${found})
    add_executable(fuzz_${ARG_NAME} ${ARG_SOURCES})
    target_link_libraries(fuzz_${ARG_NAME} PRIVATE build_rules ${ARG_LIBRARIES})
    target_link_options(fuzz_${ARG_NAME} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz.${ARG_NAME}
        COMMAND fuzz_${ARG_NAME} -max_total_time=${IMBREX_FUZZ_SECONDS}
            -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
            -error_exitcode=1 # its own 77 would read as skipped
            -artifact_prefix=${found}/ ${found}
            ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
    imbrex_test_defaults(fuzz.${ARG_NAME} LABELS fuzz)
endfunction()
