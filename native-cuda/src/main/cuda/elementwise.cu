// Activations, sums, products, dropout and the squared error: grid-stride loops over the elements; what all directions share is formed
// once for each element.
#include "philox.cuh"
#include "pointwise.cuh"
#include "span.cuh"

namespace elementwise {

// Directions whose sums a thread forms at once.
constexpr int TOGETHER = 4;

__device__ __forceinline__ Span<index_t> span(index_t n) { return Span<index_t>(first_element(), element_step(), n); }

template <class F>
__device__ __forceinline__ void value(const F& f, index_t n, const real* x, real* y) {
  Span<index_t> s = span(n);
  bool wide = s.wide(x, y);
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack v = s.load(x, c, wide, 1);
    for (int j = 0; j < PACK; j++) {
      v.v[j] = f(v.v[j]).value;
    }
    s.store(y, c, wide, v);
  }
}

// What a function states its derivatives in: real, or float64.
template <class F>
using Derivative = decltype(F{}(real(0)).slope);

template <class F>
__device__ __forceinline__ void tangent(
    const F& f, int k, index_t n, const real* x, const real* rx, real* ry, int add) {
  Span<index_t> s = span(n);
  bool wide = s.wide(x, rx, ry);
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack at = s.load(x, c, wide, 1);
    Derivative<F> slope[PACK];
    for (int j = 0; j < PACK; j++) {
      slope[j] = f(at.v[j]).slope;
    }
    for (int q = 0; q < k; q++) {
      Pack v = s.load(rx + q * n, c, wide);
      for (int j = 0; j < PACK; j++) {
        v.v[j] = real(slope[j] * v.v[j]);
      }
      s.put(ry + q * n, c, wide, v, add);
    }
  }
}

template <class F>
__device__ __forceinline__ void tangent_backward(
    const F& f, int k, index_t n, const real* x, const real* dy, const real* rx, const real* rdy, real* rdx, int add) {
  Span<index_t> s = span(n);
  bool wide = s.wide(x, dy, rx, rdy, rdx);
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack at = s.load(x, c, wide, 1);
    Pack adjoint = s.load(dy, c, wide);
    Derivative<F> slope[PACK], bend[PACK];
    for (int j = 0; j < PACK; j++) {
      auto jet = f(at.v[j]);
      slope[j] = jet.slope;
      bend[j] = jet.bend;
    }
    for (int q = 0; q < k; q++) {
      Pack v = s.load(rx + q * n, c, wide);
      Pack w = s.load(rdy + q * n, c, wide);
      for (int j = 0; j < PACK; j++) {
        Derivative<F> a = adjoint.v[j], b = v.v[j];
        v.v[j] = real(slope[j] * w.v[j] + pointwise::product(bend[j], a, b));
      }
      s.put(rdx + q * n, c, wide, v, add);
    }
  }
}

// Sums of the thread for directions from blockIdx.y * TOGETHER on.
template <class F>
__device__ __forceinline__ void curvature(
    const F& f, int k, index_t n, const real* x, const real* dy, const real* rx, double (&sums)[TOGETHER]) {
  Span<index_t> s = span(n);
  bool wide = s.wide(x, dy, rx);
  int q0 = blockIdx.y * TOGETHER;
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack at = s.load(x, c, wide, pointwise::harmless(f));
    Pack adjoint = s.load(dy, c, wide);
    double bend[PACK];
    for (int j = 0; j < PACK; j++) {
      bend[j] = (double)f(at.v[j]).bend * (double)adjoint.v[j];
    }
    for (int i = 0; i < TOGETHER; i++) {
      if (q0 + i < k) {
        Pack v = s.load(rx + (q0 + i) * n, c, wide);
        for (int j = 0; j < PACK; j++) {
          sums[i] += bend[j] * (double)v.v[j] * (double)v.v[j];
        }
      }
    }
  }
}

// partial[q * gridDim.x + blockIdx.x] of the block, once for all functions, since it is long
__device__ __forceinline__ void finish(int k, const double (&sums)[TOGETHER], double* partial) {
  int q0 = blockIdx.y * TOGETHER;
  for (int i = 0; i < TOGETHER; i++) {
    if (q0 + i < k) {
      double sum = block_sum(sums[i]);
      if (threadIdx.x == 0) {
        partial[(index_t)(q0 + i) * gridDim.x + blockIdx.x] = sum;
      }
    }
  }
}

}  // namespace elementwise

// Activations and elementary functions have kernels of their own, since the latter need more registers.

// x, y: n
KERNEL(activation_value)(pointwise::Function f, index_t n, const real* x, real* y) {
  pointwise::with_activation(f, [&](auto g) { elementwise::value(g, n, x, y); });
}

KERNEL(elementary_value)(pointwise::Function f, index_t n, const real* x, real* y) {
  pointwise::with_elementary(f, [&](auto g) { elementwise::value(g, n, x, y); });
}

// ry (+)= f'(x) rx, x: n; rx, ry: k x n
KERNEL(activation_tangent)(pointwise::Function f, int k, index_t n, const real* x, const real* rx, real* ry, int add) {
  pointwise::with_activation(f, [&](auto g) { elementwise::tangent(g, k, n, x, rx, ry, add); });
}

KERNEL(elementary_tangent)(pointwise::Function f, int k, index_t n, const real* x, const real* rx, real* ry, int add) {
  pointwise::with_elementary(f, [&](auto g) { elementwise::tangent(g, k, n, x, rx, ry, add); });
}

// rdx (+)= f'(x) rdy + f''(x) rx dy, x, dy: n; rx, rdy, rdx: k x n
KERNEL(activation_tangent_backward)(
    pointwise::Function f, int k, index_t n, const real* x, const real* dy, const real* rx, const real* rdy, real* rdx, int add) {
  pointwise::with_activation(f, [&](auto g) { elementwise::tangent_backward(g, k, n, x, dy, rx, rdy, rdx, add); });
}

KERNEL(elementary_tangent_backward)(
    pointwise::Function f, int k, index_t n, const real* x, const real* dy, const real* rx, const real* rdy, real* rdx, int add) {
  pointwise::with_elementary(f, [&](auto g) { elementwise::tangent_backward(g, k, n, x, dy, rx, rdy, rdx, add); });
}

// partial: k x gridDim.x, sums of dy f''(x) rx^2, x, dy: n; rx: k x n
KERNEL(activation_curvature)(
    pointwise::Function f, int k, index_t n, const real* x, const real* dy, const real* rx, double* partial) {
  double sums[elementwise::TOGETHER] = {};
  pointwise::with_activation(f, [&](auto g) { elementwise::curvature(g, k, n, x, dy, rx, sums); });
  elementwise::finish(k, sums, partial);
}

KERNEL(elementary_curvature)(
    pointwise::Function f, int k, index_t n, const real* x, const real* dy, const real* rx, double* partial) {
  double sums[elementwise::TOGETHER] = {};
  pointwise::with_elementary(f, [&](auto g) { elementwise::curvature(g, k, n, x, dy, rx, sums); });
  elementwise::finish(k, sums, partial);
}

// y = a + b, n each
KERNEL(elementwise_add)(index_t n, const real* a, const real* b, real* y) {
  Span<index_t> s = elementwise::span(n);
  bool wide = s.wide(a, b, y);
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack v = s.load(a, c, wide);
    Pack w = s.load(b, c, wide);
    for (int j = 0; j < PACK; j++) {
      v.v[j] += w.v[j];
    }
    s.store(y, c, wide, v);
  }
}

// y (+)= a b, a: n; b, y: k x n
KERNEL(elementwise_multiply)(int k, index_t n, const real* a, const real* b, real* y, int add) {
  Span<index_t> s = elementwise::span(n);
  bool wide = s.wide(a, b, y);
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack factor = s.load(a, c, wide);
    for (int q = 0; q < k; q++) {
      Pack v = s.load(b + q * n, c, wide);
      for (int j = 0; j < PACK; j++) {
        v.v[j] *= factor.v[j];
      }
      s.put(y + q * n, c, wide, v, add);
    }
  }
}

// partial: k x gridDim.x, sums of a b; direction blockIdx.y, a: k runs of n; b: k x n
KERNEL(elementwise_dots)(index_t n, const real* a, index_t a_stride, const real* b, double* partial) {
  a += blockIdx.y * a_stride;
  b += blockIdx.y * n;
  Span<index_t> s = elementwise::span(n);
  bool wide_a = s.wide(a), wide_b = s.wide(b);
  double sum = 0;
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack v = s.load(a, c, wide_a);
    Pack w = s.load(b, c, wide_b);
    for (int j = 0; j < PACK; j++) {
      sum += (double)v.v[j] * (double)w.v[j];
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    partial[(index_t)blockIdx.y * gridDim.x + blockIdx.x] = sum;
  }
}

// partial: k x gridDim.x, sums of a b d; direction blockIdx.y, a: n; b, d: k x n
KERNEL(elementwise_triple_dots)(index_t n, const real* a, const real* b, const real* d, double* partial) {
  b += blockIdx.y * n;
  d += blockIdx.y * n;
  Span<index_t> s = elementwise::span(n);
  bool wide_a = s.wide(a), wide_b = s.wide(b), wide_d = s.wide(d);
  double sum = 0;
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack u = s.load(a, c, wide_a);
    Pack v = s.load(b, c, wide_b);
    Pack w = s.load(d, c, wide_d);
    for (int j = 0; j < PACK; j++) {
      sum += (double)u.v[j] * (double)v.v[j] * (double)w.v[j];
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    partial[(index_t)blockIdx.y * gridDim.x + blockIdx.x] = sum;
  }
}

// y (+)= alpha b e / a, a, e: n, e may be null; b, y: k x n
KERNEL(elementwise_divide)(int k, index_t n, double alpha, const real* a, const real* b, const real* e, real* y, int add) {
  Span<index_t> s = elementwise::span(n);
  bool wide = s.wide(a, b, y) && (e == nullptr || s.wide(e));
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack divisor = s.load(a, c, wide, 1);
    double factor[PACK];
    for (int j = 0; j < PACK; j++) {
      factor[j] = alpha;
    }
    if (e != nullptr) {
      Pack shared = s.load(e, c, wide);
      for (int j = 0; j < PACK; j++) {
        factor[j] *= (double)shared.v[j];
      }
    }
    for (int q = 0; q < k; q++) {
      Pack v = s.load(b + q * n, c, wide);
      for (int j = 0; j < PACK; j++) {
        v.v[j] = real((double)v.v[j] * factor[j] / (double)divisor.v[j]);
      }
      s.put(y + q * n, c, wide, v, add);
    }
  }
}

// y (+)= x scale where the 24 high bits of the element's random word are at least `least`, else 0; n each. A thread makes the four words
// of one block of the stream.
KERNEL(elementwise_dropout)(
    long long seed, long long stream, int least, double scale, index_t n, const real* x, real* y, int add) {
  constexpr int WORDS = 4;
  real kept = real(scale);
  bool wide = aligned16(x) && aligned16(y);
  for (index_t b = first_element(); b * WORDS < n; b += element_step()) {
    PhiloxWords words = philox(seed, stream, b);
    // unrolled, or the words would be indexed in memory
#pragma unroll
    for (int from = 0; from < WORDS; from += PACK) {
      index_t at = b * WORDS + from;
      int count = at + PACK <= n ? PACK : at < n ? int(n - at) : 0;
      bool whole = wide && count == PACK;
      Pack v, old;
      if (whole) {
        v = load_pack(x + at);
        old = add ? load_pack(y + at) : v;
      } else {
        for (int j = 0; j < PACK; j++) {
          v.v[j] = j < count ? x[at + j] : real(0);
          old.v[j] = add && j < count ? y[at + j] : real(0);
        }
      }
      for (int j = 0; j < PACK; j++) {
        real masked = (int)(words.w[from + j] >> 8) >= least ? v.v[j] * kept : real(0);
        v.v[j] = add ? old.v[j] + masked : masked;
      }
      if (whole) {
        store_pack(y + at, v);
      } else {
        for (int j = 0; j < count; j++) {
          y[at + j] = v.v[j];
        }
      }
    }
  }
}

// dz = factor (z - t), n each
KERNEL(squared_error_backward)(index_t n, double factor, const real* z, const real* t, real* dz) {
  Span<index_t> s = elementwise::span(n);
  bool wide = s.wide(z, t, dz);
  for (index_t c = s.first; c < n; c += s.hop) {
    Pack v = s.load(z, c, wide);
    Pack w = s.load(t, c, wide);
    for (int j = 0; j < PACK; j++) {
      v.v[j] = real(factor) * (v.v[j] - w.v[j]);
    }
    s.store(dz, c, wide, v);
  }
}
