# dynaxx_add_fatbin(target folder spills): kernels_f32.fatbin and kernels_f64.fatbin in the build folder from folder/kernels.cu, and for each a
# report of registers, shared memory and spills. A spill that the file `spills` does not give a reason for is an error.
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
endfunction()
