# One interface target carries how every target of the project is compiled:
# link it PRIVATE. There are no global flags.
add_library(build_rules INTERFACE)
target_compile_features(build_rules INTERFACE c_std_17)
target_compile_definitions(build_rules INTERFACE
    _GNU_SOURCE _FILE_OFFSET_BITS=64 IBX_VERSION="${PROJECT_VERSION}")
if(CMAKE_SIZEOF_VOID_P EQUAL 4)
    # Files and clocks beyond the year 2038; on 64 bits it is so anyway.
    target_compile_definitions(build_rules INTERFACE _TIME_BITS=64)
endif()
target_compile_options(build_rules INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wvla -Wpointer-arith -Wformat=2 -Wno-psabi -fno-common -fstack-protector-strong)
target_include_directories(build_rules INTERFACE ${PROJECT_SOURCE_DIR})

if(IMBREX_SANITIZE)
    target_compile_options(build_rules INTERFACE
        -fsanitize=${IMBREX_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(build_rules INTERFACE -fsanitize=${IMBREX_SANITIZE})
endif()
if(IMBREX_FUZZ)
    # Coverage feedback in every object; the fuzzer's main only in its targets.
    target_compile_options(build_rules INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(build_rules INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(IMBREX_COVERAGE)
    target_compile_options(build_rules INTERFACE --coverage)
    target_link_options(build_rules INTERFACE --coverage)
endif()

# Lets calls across files be inlined in what is shipped: a warm request passes
# many small functions, and takes a twentieth less time so.
function(inline_across_files)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT IMBREX_SANITIZE)
        set_target_properties(${ARGV} PROPERTIES
            INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
    endif()
endfunction()
