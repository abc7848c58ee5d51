// What the emulator asks of the common header of all kernels; the same sources must also pass nvcc.
#pragma once

#ifdef DYNAXX_EMULATOR
#include "emulator.cuh"
#else
#define KERNEL(name) extern "C" __global__ void name
#define DYNAXX_DYNAMIC_SHARED(type, name)                         \
  extern __shared__ __align__(16) unsigned char dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(dynamic_shared)
#endif

typedef DYNAXX_REAL real;
