# Builds kernels for the CUDA emulator (native-cuda/src/test/emulator): the same .cu sources, compiled by the host
# compiler once with DYNAXX_REAL=float and once with double, linked with a stand-in for libcuda and libcublas.
#
#   dynaxx_add_emulator(<target> SOURCES kernels.cu [INCLUDES dir...] [DEPENDS family.cu...])
#
# SOURCES are the unity files; every .cu and .cuh beside them is taken as a dependency. <target> is a shared library.
#
# Run as a script (cmake -DINPUT=... -DOUTPUT=... -DPRECISION=f32 -P Emulator.cmake) it writes the table of kernels
# from preprocessed sources in which KERNEL(name) has become "DYNAXX_FOUND_KERNEL name DYNAXX_END".

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${INPUT}" text)
  string(REGEX MATCHALL "DYNAXX_FOUND_KERNEL[ \t\r\n]+[A-Za-z_][A-Za-z0-9_]*[ \t\r\n]+DYNAXX_END" found "${text}")
  if(NOT found)
    message(FATAL_ERROR "${INPUT}: no KERNEL(name) in the kernel sources. Does dynaxx.cuh include emulator.cuh and leave KERNEL to it?")
  endif()
  set(rows "")
  foreach(match IN LISTS found)
    string(REGEX REPLACE "DYNAXX_FOUND_KERNEL[ \t\r\n]+([A-Za-z0-9_]+)[ \t\r\n]+DYNAXX_END" "\\1" name "${match}")
    string(APPEND rows "    ::emulator::Entry<&${name}>::kernel(\"${name}\"),\n")
  endforeach()
  file(WRITE "${OUTPUT}" "const ::emulator::Kernel kernelTable[] = {\n${rows}};\n"
    "const ::emulator::Registration registration(\"${PRECISION}\", kernelTable, sizeof kernelTable / sizeof kernelTable[0]);\n")
  return()
endif()

set(DYNAXX_EMULATOR_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}/../native-cuda/src/test/emulator")
set(DYNAXX_EMULATOR_MODULE "${CMAKE_CURRENT_LIST_FILE}")

# What lets the emulator see every access of a kernel:
#  - the compiler's calls before loads and stores, without the run-time library that they are meant for;
#  - aggregates left whole, so that the copy of a float4 stays one access of 16 bytes.
set(DYNAXX_EMULATOR_KERNEL_OPTIONS
  -fsanitize=thread -fno-strict-aliasing -ffp-contract=off -fno-elide-constructors
  $<$<CXX_COMPILER_ID:GNU>:--param=tsan-instrument-func-entry-exit=0;-fno-tree-sra;-fno-ipa-sra;-fno-tree-loop-distribute-patterns>
  $<$<CXX_COMPILER_ID:Clang>:-mllvm;-tsan-instrument-func-entry-exit=0>
  -Wno-unknown-pragmas -Wno-unused-function -Wno-attributes)

# The runtime, compiled once for all emulators of a build.
function(_dynaxx_add_emulator_runtime)
  if(TARGET dynaxx_emulator_runtime)
    return()
  endif()
  set(sources access counting cublas driver driver_launch driver_memory execution findings gemm hooks memory runtime streams symbols)
  list(TRANSFORM sources PREPEND "${DYNAXX_EMULATOR_DIRECTORY}/")
  list(TRANSFORM sources APPEND ".cpp")
  add_library(dynaxx_emulator_runtime OBJECT ${sources})
  _dynaxx_emulator_options(dynaxx_emulator_runtime)
  target_compile_options(dynaxx_emulator_runtime PRIVATE -O2 -Wall -Wextra)
  if(DYNAXX_EMULATOR_UCONTEXT)
    target_compile_definitions(dynaxx_emulator_runtime PRIVATE DYNAXX_EMULATOR_UCONTEXT)
  endif()
endfunction()

function(_dynaxx_emulator_options target)
  set_target_properties(${target} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${target} PRIVATE "${DYNAXX_EMULATOR_DIRECTORY}")
endfunction()

function(dynaxx_add_emulator target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;INCLUDES;DEPENDS")
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "dynaxx_add_emulator(${target}): found no SOURCES, expected the kernels' .cu files")
  endif()
  _dynaxx_add_emulator_runtime()
  set(includes "")
  set(unity "")
  set(depends ${arg_DEPENDS} "${DYNAXX_EMULATOR_DIRECTORY}/emulator.cuh")
  foreach(source IN LISTS arg_SOURCES)
    get_filename_component(source "${source}" ABSOLUTE)
    get_filename_component(directory "${source}" DIRECTORY)
    string(APPEND unity "#include \"${source}\"\n")
    file(GLOB neighbours CONFIGURE_DEPENDS "${directory}/*.cu" "${directory}/*.cuh")
    list(APPEND depends ${neighbours})
    list(APPEND includes "${directory}")
  endforeach()
  list(APPEND includes ${arg_INCLUDES})

  add_library(${target} SHARED $<TARGET_OBJECTS:dynaxx_emulator_runtime>)
  set(compiled "")
  foreach(precision IN ITEMS f32 f64)
    if(precision STREQUAL "f32")
      set(real float)
    else()
      set(real double)
    endif()
    set(base "${CMAKE_CURRENT_BINARY_DIR}/${target}_${precision}")
    # The kernels lie in an unnamed namespace: both precisions have the same names, and no symbol of one may replace
    # one of the other. Headers of the standard library are included before, outside of it.
    file(CONFIGURE OUTPUT "${base}.cpp" CONTENT
"#define DYNAXX_EMULATOR 1
#define DYNAXX_REAL ${real}
#include \"emulator.cuh\"
namespace dynaxx_${precision} {
namespace {
${unity}#ifndef DYNAXX_EMULATOR_SCAN
#include \"${base}.table\"
#endif
}
}
")
    set(flags -std=gnu++20 -DDYNAXX_EMULATOR_SCAN "-I${DYNAXX_EMULATOR_DIRECTORY}")
    foreach(directory IN LISTS includes)
      list(APPEND flags "-I${directory}")
    endforeach()
    add_custom_command(OUTPUT "${base}.table"
      COMMAND "${CMAKE_CXX_COMPILER}" ${flags} -E -P "${base}.cpp" -o "${base}.i"
      COMMAND "${CMAKE_COMMAND}" "-DINPUT=${base}.i" "-DOUTPUT=${base}.table" "-DPRECISION=${precision}"
              -P "${DYNAXX_EMULATOR_MODULE}"
      DEPENDS ${depends} "${base}.cpp" "${DYNAXX_EMULATOR_MODULE}"
      COMMENT "Listing the kernels of ${target} (${precision})" VERBATIM)
    set_source_files_properties("${base}.cpp" PROPERTIES OBJECT_DEPENDS "${base}.table")
    list(APPEND compiled "${base}.cpp" "${base}.table")
  endforeach()

  # The sanitizer's flag is for the compiler only: the link must not bring in its run-time library.
  add_library(${target}_kernels OBJECT ${compiled})
  _dynaxx_emulator_options(${target}_kernels)
  target_include_directories(${target}_kernels PRIVATE ${includes})
  target_compile_options(${target}_kernels PRIVATE -O2 ${DYNAXX_EMULATOR_KERNEL_OPTIONS})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_kernels>)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_options(${target} PRIVATE -Wl,-z,defs -Wl,-Bsymbolic)
  target_link_libraries(${target} PRIVATE ${CMAKE_DL_LIBS})
endfunction()
