// What all kernels share. They are compiled twice, with real = float and real = double; float64 is used for every sum.
#pragma once

#ifdef DYNAXX_EMULATOR
#include "emulator.cuh"
#else
#define KERNEL(name) extern "C" __global__ void name
// So few registers that this many blocks, of Launcher.THREADS at most, are on a multiprocessor at a time.
#define KERNEL_RESIDENT(name, blocks) extern "C" __global__ void __launch_bounds__(256, blocks) name
#define DYNAXX_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif

#ifndef DYNAXX_REAL
#define DYNAXX_REAL float
#endif

typedef DYNAXX_REAL real;
typedef long long index_t;

#define WARP 32
#define FULL_MASK 0xffffffffu

// 16 bytes, the widest access of a thread.
constexpr int PACK = 16 / sizeof(real);
struct alignas(16) Pack {
  real v[PACK];
};

__device__ __forceinline__ bool aligned16(const void* p) {
  return (reinterpret_cast<unsigned long long>(p) & 15) == 0;
}

__device__ __forceinline__ Pack load_pack(const real* p) { return *reinterpret_cast<const Pack*>(p); }

__device__ __forceinline__ void store_pack(real* p, Pack x) { *reinterpret_cast<Pack*>(p) = x; }

// First element of this thread and the step to its next, in a grid along x.
__device__ __forceinline__ index_t first_element() { return (index_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ index_t element_step() { return (index_t)gridDim.x * blockDim.x; }

// Sum over the lanes of a warp, the same in every lane, in a fixed order.
__device__ __forceinline__ double warp_sum(double x) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(FULL_MASK, x, offset);
  }
  return x;
}

__device__ __forceinline__ real warp_max(real x) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    real other = __shfl_xor_sync(FULL_MASK, x, offset);
    // NaN wins, so that it is seen
    x = (x > other || x != x) ? x : other;
  }
  return x;
}

// Sum over the threads of a block, the same in every thread, in a fixed order. Every thread must call it; blockDim.x is a multiple of 32.
__device__ __forceinline__ double block_sum(double x) {
  __shared__ double sums[WARP];
  x = warp_sum(x);
  if (threadIdx.x % WARP == 0) {
    sums[threadIdx.x / WARP] = x;
  }
  __syncthreads();
  double total = 0;
  for (int i = 0; i < (int)blockDim.x / WARP; i++) {
    total += sums[i];
  }
  __syncthreads();
  return total;
}

__device__ __forceinline__ real block_max(real x) {
  __shared__ real most[WARP];
  x = warp_max(x);
  if (threadIdx.x % WARP == 0) {
    most[threadIdx.x / WARP] = x;
  }
  __syncthreads();
  real all = most[0];
  for (int i = 1; i < (int)blockDim.x / WARP; i++) {
    all = (all > most[i] || all != all) ? all : most[i];
  }
  __syncthreads();
  return all;
}

// out (+)= x
__device__ __forceinline__ void put(real* out, index_t at, real x, int add) { out[at] = add ? out[at] + x : x; }
