// Whole vectors and blocks of vectors.
#include "gaussian.cuh"
#include "philox.cuh"

// x: n
KERNEL(fill)(real* x, index_t n, double value) {
  real v = real(value);
  for (index_t i = first_element(); i < n; i += element_step()) {
    x[i] = v;
  }
}

// y = alpha x + beta y, n each; y is not read if beta is 0.
KERNEL(axpby)(index_t n, double alpha, const real* x, double beta, real* y) {
  real a = real(alpha), b = real(beta);
  index_t packs = aligned16(x) && aligned16(y) ? n / PACK : 0;
  for (index_t i = first_element(); i < packs; i += element_step()) {
    Pack p = load_pack(x + i * PACK);
    Pack q;
    if (beta != 0) {
      q = load_pack(y + i * PACK);
    }
    for (int j = 0; j < PACK; j++) {
      q.v[j] = beta == 0 ? a * p.v[j] : a * p.v[j] + b * q.v[j];
    }
    store_pack(y + i * PACK, q);
  }
  for (index_t i = packs * PACK + first_element(); i < n; i += element_step()) {
    y[i] = beta == 0 ? a * x[i] : a * x[i] + b * y[i];
  }
}

// partial[block] = sum of a b, or of (a - b)^2, over the elements of the block.
__device__ __forceinline__ double term(real a, real b, int distance) {
  double d = (double)a - (double)b;
  return distance ? d * d : (double)a * (double)b;
}

KERNEL(pair_sums)(index_t n, const real* a, const real* b, int distance, double* partial) {
  double sum = 0;
  // The order of summation must not depend on the alignment: a thread takes the same elements either way, packs first, then the tail.
  bool wide = aligned16(a) && aligned16(b);
  index_t packs = n / PACK;
  for (index_t i = first_element(); i < packs + n % PACK; i += element_step()) {
    if (i >= packs) {
      index_t tail = packs * PACK + (i - packs);
      sum += term(a[tail], b[tail], distance);
    } else if (wide) {
      Pack p = load_pack(a + i * PACK), q = load_pack(b + i * PACK);
      for (int j = 0; j < PACK; j++) {
        sum += term(p.v[j], q.v[j], distance);
      }
    } else {
      for (int j = 0; j < PACK; j++) {
        sum += term(a[i * PACK + j], b[i * PACK + j], distance);
      }
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
  }
}

// y = sum over i of c[i] basis[i], basis: count x n.
KERNEL(combine)(index_t n, int count, const real* basis, const double* c, real* y) {
  for (index_t j = first_element(); j < n; j += element_step()) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += c[i] * basis[(index_t)i * n + j];
    }
    y[j] = real(sum);
  }
}

// v: count x n, rows are probes `first`, `first` + 1, ...; one thread makes the 128 signs of a block.
KERNEL(rademacher)(long long seed, long long first, index_t n, real* v) {
  real* row = v + (index_t)blockIdx.y * n;
  index_t blocks = (n + 127) / 128;
  for (index_t b = first_element() / WARP; b < blocks; b += element_step() / WARP) {
    // a warp shares a block: each lane makes it again, which costs less than a shuffle, and writes every 32nd element
    PhiloxWords words = philox(seed, first + blockIdx.y, b);
    for (int part = 0; part < 4; part++) {
      int bit = part * WARP + threadIdx.x % WARP;
      index_t j = b * 128 + bit;
      if (j < n) {
        row[j] = philox_sign(words, bit);
      }
    }
  }
}

// x: standard normal values of a stream, four from a block of the generator, bit for bit as on the CPU.
KERNEL(gaussian)(long long seed, long long stream, index_t n, real* x) {
  index_t blocks = (n + 3) / 4;
  for (index_t b = first_element(); b < blocks; b += element_step()) {
    PhiloxWords words = philox(seed, stream, b);
    GaussianPair first = gaussian_pair(words.w[0], words.w[1]);
    GaussianPair second = gaussian_pair(words.w[2], words.w[3]);
    double values[4] = {first.across, first.up, second.across, second.up};
    for (int i = 0; i < 4 && b * 4 + i < n; i++) {
      x[b * 4 + i] = real(float(values[i]));
    }
  }
}

// partial[row * blocks + block] = sum over the block's elements of x[row, j] z[row, offset + j], z the probe `first` + row, never stored.
KERNEL(probe_dots)(
    long long seed, long long first, index_t offset, index_t n, const real* x, index_t stride, double* partial) {
  const real* row = x + (index_t)blockIdx.y * stride;
  index_t begin = offset / 128, end = (offset + n + 127) / 128;
  double sum = 0;
  for (index_t b = begin + first_element() / WARP; b < end; b += element_step() / WARP) {
    PhiloxWords words = philox(seed, first + blockIdx.y, b);
    for (int part = 0; part < 4; part++) {
      int bit = part * WARP + threadIdx.x % WARP;
      index_t j = b * 128 + bit - offset;
      if (j >= 0 && j < n) {
        sum += (double)(row[j] * philox_sign(words, bit));
      }
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    partial[(index_t)blockIdx.y * gridDim.x + blockIdx.x] = sum;
  }
}

// Between float32 and the precision of this module.
KERNEL(widen)(index_t n, const float* __restrict__ from, real* __restrict__ to) {
  for (index_t i = first_element(); i < n; i += element_step()) {
    to[i] = real(from[i]);
  }
}

KERNEL(narrow)(index_t n, const real* __restrict__ from, float* __restrict__ to) {
  for (index_t i = first_element(); i < n; i += element_step()) {
    to[i] = float(from[i]);
  }
}
