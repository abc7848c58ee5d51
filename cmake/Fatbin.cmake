# dynaxx_add_fatbin(target folder spills): kernels_f32.fatbin and kernels_f64.fatbin in the build folder from folder/kernels.cu, and for each a
# report of registers, shared memory and spills. A spill that the file `spills` does not give a reason for is an error. kernels_toolkit.txt
# holds nvcc's version, since a driver older than the toolkit's major version cannot load what it makes.
include(Architectures)

function(dynaxx_add_fatbin target folder spills)
  dynaxx_architectures(gencode)
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cu" "${folder}/*.cuh")
  set(outputs "")
  foreach(precision f32 f64)
    set(real float)
    if(precision STREQUAL f64)
      set(real double)
    endif()
    set(fatbin "${CMAKE_CURRENT_BINARY_DIR}/kernels_${precision}.fatbin")
    set(log "${CMAKE_CURRENT_BINARY_DIR}/kernels_${precision}.log")
    set(report "${CMAKE_CURRENT_BINARY_DIR}/kernels_${precision}.csv")
    add_custom_command(
      OUTPUT "${fatbin}" "${report}"
      COMMAND
        "${CMAKE_COMMAND}" "-DNVCC=${CMAKE_CUDA_COMPILER}" "-DGENCODE=${gencode}" "-DREAL=${real}" "-DSOURCE=${folder}/kernels.cu"
        "-DFATBIN=${fatbin}" "-DLOG=${log}" "-DREPORT=${report}" "-DSPILLS=${spills}" -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/CompileKernels.cmake"
      DEPENDS ${sources} "${spills}" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/CompileKernels.cmake"
      COMMENT "Kernels in ${real}"
      VERBATIM)
    list(APPEND outputs "${fatbin}")
  endforeach()
  add_custom_target(${target} DEPENDS ${outputs})
  execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
  if(NOT version MATCHES "release ([0-9]+\\.[0-9]+)")
    message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} --version does not say which release it is:\n${version}")
  endif()
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/kernels_toolkit.txt" "${CMAKE_MATCH_1}")
endfunction()
