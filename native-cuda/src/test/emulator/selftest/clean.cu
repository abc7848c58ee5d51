// Kernels without a fault: the emulator must find nothing in them, and they must compute what they say.

struct Shape {
  int rows, columns;
  long long stride;
  double scale;
};

KERNEL(axpy)(const real* x, real* y, long long n, double alpha, int add) {
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
    y[i] = (add ? y[i] : real(0)) + real(alpha) * x[i];
  }
}

KERNEL(by_struct)(real* y, Shape shape, int offset, Shape other) {
  int i = threadIdx.x;
  if (i < shape.rows * shape.columns) {
    y[i] = real(shape.scale * i + offset + other.scale * (double)other.stride + shape.stride);
  }
}

__device__ __forceinline__ double warpSum(double value) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

template <class T>
__device__ T blockSum(T value) {
  __shared__ T partial[32];
  value = warpSum(value);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  T sum = 0;
  for (unsigned int w = 0; w < blockDim.x / 32; w++) sum += partial[w];
  __syncthreads();
  return sum;
}

KERNEL(dot_partial)(const real* x, const real* y, double* partial, long long n) {
  double sum = 0;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
    sum += (double)x[i] * (double)y[i];
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

KERNEL(reverse_dynamic)(const real* x, real* y) {
  DYNAXX_DYNAMIC_SHARED(real, tile);
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

KERNEL(copy_vector)(const float4* x, float4* y, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    float4 v = x[i];
    y[i] = make_float4(v.w, v.z, v.y, v.x);
  }
}

KERNEL(warp_shared)(real* y) {
  __shared__ real tile[64];
  tile[threadIdx.x] = real(threadIdx.x);
  __syncwarp();
  real left = tile[threadIdx.x ^ 1];
  __syncwarp();
  tile[threadIdx.x] = left * 2;
  __syncwarp();
  y[threadIdx.x] = tile[threadIdx.x ^ 1];
}

KERNEL(half_warps)(int* y) {
  unsigned int mask = threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
  int value = threadIdx.x;
  for (int step = 8; step > 0; step /= 2) value += __shfl_down_sync(mask, value, step, 16);
  int first = __shfl_sync(mask, value, 0, 16);
  unsigned int odd = __ballot_sync(mask, threadIdx.x & 1);
  y[threadIdx.x] = first + (odd == (mask & 0xaaaaaaaau) ? 1000 : 0);
}

// The last block to finish adds the parts: publication by fence and ticket.
KERNEL(last_block)(const real* x, double* parts, double* sum, unsigned int* ticket) {
  __shared__ bool last;
  double mine = blockSum((double)x[blockIdx.x * blockDim.x + threadIdx.x]);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = mine;
    __threadfence();
    last = atomicAdd(ticket, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    double total = 0;
    for (unsigned int b = 0; b < gridDim.x; b++) total += parts[b];
    *sum = total;
  }
}

__constant__ int kTable[4] = {3, 1, 4, 1};

KERNEL(bytes)(signed char* y, short* z, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    y[i] = (signed char)(kTable[i % 4] - i);
    z[i] = (short)(-i);
  }
}

KERNEL(grid3)(int* y) {
  unsigned int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  unsigned int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  unsigned int i = block * (blockDim.x * blockDim.y * blockDim.z) + thread;
  y[i] =
      blockIdx.x + 10 * blockIdx.y + 100 * blockIdx.z + 1000 * threadIdx.x + 10000 * threadIdx.y + 100000 * threadIdx.z;
}

#define DYNAXX_UNARY(name, expression)                  \
  KERNEL(name##_unary)(const real* x, real* y, int n) { \
    for (int i = threadIdx.x; i < n; i += blockDim.x) { \
      real v = x[i];                                    \
      y[i] = expression;                                \
    }                                                   \
  }
DYNAXX_UNARY(square, v* v)
DYNAXX_UNARY(negate, -v)

KERNEL(vote)(const int* x, int* y) {
  int count = __syncthreads_count(x[threadIdx.x] > 0);
  int any = __syncthreads_or(x[threadIdx.x] > 100);
  int all = __syncthreads_and(x[threadIdx.x] >= 0);
  y[threadIdx.x] = count * 4 + (any ? 2 : 0) + (all ? 1 : 0);
}

KERNEL(precision)(int* y) { *y = sizeof(real); }

KERNEL(nothing)() {}

// Hundreds of steps of one warp that keeps its state in shared memory, as an eigensolver does.
KERNEL(long_warp)(real* y) {
  __shared__ real state[32];
  state[threadIdx.x] = real(threadIdx.x);
  __syncwarp();
  for (int step = 0; step < 700; step++) {
    if (step % 3 == 0 && threadIdx.x < 16) __syncwarp(0x0000ffffu);
    real next = step == 650 ? state[31 - threadIdx.x] : real(0);
    __syncwarp();
    if (step == 650) state[threadIdx.x] = next;
  }
  __syncwarp();
  y[threadIdx.x] = state[31 - threadIdx.x];
}
