// Units of neighbouring values that a thread moves at once.
#pragma once

#include "dynaxx.cuh"

// U neighbouring values. U follows from the shape of an array alone and never from addresses, so that neither does the
// order of a sum; a unit of PACK values that is not aligned is moved value by value.
template <int U>
struct Unit {
  real v[U];
};

template <int U>
__device__ __forceinline__ Unit<U> load_unit(const real* p) {
  Unit<U> unit;
  if constexpr (U == PACK) {
    if (aligned16(p)) {
      Pack pack = load_pack(p);
      for (int i = 0; i < U; i++) {
        unit.v[i] = pack.v[i];
      }
      return unit;
    }
  }
  for (int i = 0; i < U; i++) {
    unit.v[i] = p[i];
  }
  return unit;
}

template <int U>
__device__ __forceinline__ void store_unit(real* p, Unit<U> unit) {
  if constexpr (U == PACK) {
    if (aligned16(p)) {
      Pack pack;
      for (int i = 0; i < U; i++) {
        pack.v[i] = unit.v[i];
      }
      store_pack(p, pack);
      return;
    }
  }
  for (int i = 0; i < U; i++) {
    p[i] = unit.v[i];
  }
}

// p (+)= unit
template <int U>
__device__ __forceinline__ void put_unit(real* p, Unit<U> unit, int add) {
  if (add) {
    Unit<U> old = load_unit<U>(p);
    for (int i = 0; i < U; i++) {
      unit.v[i] += old.v[i];
    }
  }
  store_unit<U>(p, unit);
}

// Where a thread is in a matrix: `lanes` threads side by side in a row, the other threads of the block in rows below,
// blocks first along the columns. gridDim.x is a multiple of the blocks that one row takes.
template <int U>
struct RowPlace {
  index_t col;
  index_t row;
  index_t step;

  __device__ __forceinline__ RowPlace(index_t cols, int lanes) {
    index_t across = (cols / U + lanes - 1) / lanes;
    int down = (int)blockDim.x / lanes;
    col = (blockIdx.x % across * lanes + threadIdx.x % lanes) * U;
    row = blockIdx.x / across * down + threadIdx.x / lanes;
    step = gridDim.x / across * down;
  }
};
