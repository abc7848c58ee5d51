// Kernels with one fault each.

KERNEL(write_past_end)(real* y, int n) { y[n + (int)threadIdx.x] = 1; }

KERNEL(read_past_end)(const real* x, real* y, int n) { y[threadIdx.x] = x[n + threadIdx.x]; }

KERNEL(read_far)(const real* x, real* y) { y[threadIdx.x] = x[threadIdx.x + (1ll << 40)]; }

KERNEL(touch)(const real* x, real* y) { y[threadIdx.x] = x[threadIdx.x]; }

KERNEL(misaligned_read)(const float* x, float* y) {
  float4 v = *reinterpret_cast<const float4*>(x + 1);
  y[0] = v.x + v.y + v.z + v.w;
}

KERNEL(misaligned_write)(float* y) { *reinterpret_cast<float4*>(y + 2) = make_float4(1, 2, 3, 4); }

KERNEL(all_write_first)(real* y) { y[0] = real(threadIdx.x); }

KERNEL(blocks_write_first)(real* y) {
  if (threadIdx.x == 0) y[0] = real(blockIdx.x);
}

KERNEL(neighbour_block)(real* y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = y[(i + (int)blockDim.x) % n] + 1;
}

KERNEL(missing_barrier)(real* y) {
  __shared__ real tile[64];
  tile[threadIdx.x] = real(threadIdx.x);
  y[threadIdx.x] = tile[63 - threadIdx.x];
}

KERNEL(missing_second_barrier)(real* y) {
  __shared__ real tile[64];
  for (int round = 0; round < 2; round++) {
    tile[threadIdx.x] = real(threadIdx.x + round);
    __syncthreads();
    y[threadIdx.x] = tile[63 - threadIdx.x];
  }
}

KERNEL(missing_syncwarp)(real* y) {
  __shared__ real tile[32];
  tile[threadIdx.x] = real(threadIdx.x);
  y[threadIdx.x] = tile[threadIdx.x ^ 1];
}

KERNEL(unwritten_shared)(real* y) {
  __shared__ real tile[64];
  if (threadIdx.x < 32) tile[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

KERNEL(dynamic_past_end)(real* y) {
  DYNAXX_DYNAMIC_SHARED(real, tile);
  tile[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

KERNEL(static_past_end)(real* y, int offset) {
  __shared__ real tile[60];
  tile[threadIdx.x + offset] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x + offset];
}

KERNEL(early_exit)(real* y) {
  if (threadIdx.x >= 48) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

KERNEL(two_barriers)(real* y) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = 1;
}

KERNEL(absent_lanes)(int* y) {
  int value = threadIdx.x;
  if (threadIdx.x % 32 < 16) {
    value = __shfl_xor_sync(0xffffffffu, value, 1);
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = value;
}

KERNEL(wrong_mask)(int* y) { y[threadIdx.x] = __shfl_sync(0x0000ffffu, (int)threadIdx.x, 0); }

KERNEL(lane_outside_mask)(int* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, (int)threadIdx.x, 20);
}

KERNEL(float_atomic)(real* y) { atomicAdd(y, real(1)); }

KERNEL(trapped)(int* y) {
  if (threadIdx.x == 3) __trap();
  y[threadIdx.x] = 1;
}

// ---- ways to reach memory that a compiler might hide from the emulator ------------------------------------------

struct Moments {
  double mean, square;
  long long count, spare;
};

__device__ __noinline__ Moments makeMoments(int i) {
  Moments m = {1.0 + i, 2.0, 3, 4};
  return m;
}

KERNEL(store_of_a_call)(Moments* y, int i) { y[i] = makeMoments(i); }

KERNEL(store_of_a_struct)(const Moments* x, Moments* y, int i) { y[i] = x[0]; }

KERNEL(store_of_braces)(float4* y, int i) { y[i] = float4{1, 2, 3, 4}; }

KERNEL(store_by_memcpy)(const real* x, real* y, int i) { memcpy(y + i, x, 4 * sizeof(real)); }

KERNEL(store_of_a_field)(Moments* y, int i) { y[i].count += 1; }

KERNEL(volatile_read)(const volatile int* x, int* y, int i) { *y = x[i]; }

KERNEL(inverse_loop)(real* y, int from) {
  for (int i = from; i >= 0; i--) y[i] = 0;
}

KERNEL(endless)(const volatile int* flag, int* y) {
  while (*flag == 0) {
  }
  *y = 1;
}

KERNEL(half_synchronised)(real* y) {
  __shared__ real tile[32];
  tile[threadIdx.x] = real(threadIdx.x);
  if (threadIdx.x < 16) __syncwarp(0x0000ffffu);
  y[threadIdx.x] = tile[31 - threadIdx.x];
}
