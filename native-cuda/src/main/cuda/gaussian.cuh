// Box-Muller (1958), bit for bit as in core's Gaussian: products are rounded on their own, so that none is fused with a sum.
#pragma once
#include "dynaxx.cuh"

struct GaussianPair {
  double across, up;
};

__device__ __forceinline__ double gaussian_step(double sum, double x, double coefficient) {
  return __dadd_rn(__dmul_rn(sum, x), coefficient);
}

// Logarithm of a number in (0, 1): 2 artanh of the rest after powers of two.
__device__ __forceinline__ double gaussian_logarithm(double u) {
  int exponent = (int)((unsigned long long)__double_as_longlong(u) >> 52) - 1023;
  double m = __dmul_rn(u, __longlong_as_double((long long)(1023 - exponent) << 52));
  if (m > 0x1.6a09e667f3bcdp0) {
    m *= 0.5;
    exponent++;
  }
  double s = __ddiv_rn(__dsub_rn(m, 1.0), __dadd_rn(m, 1.0));
  double z = __dmul_rn(s, s);
  double sum = 1.0 / 23;
#pragma unroll
  for (int i = 10; i >= 0; i--) {
    sum = gaussian_step(sum, z, 1.0 / (2 * i + 1));
  }
  return __dadd_rn(__dmul_rn(exponent, 0x1.62e42fefa39efp-1), __dmul_rn(2 * s, sum));
}

__device__ __forceinline__ GaussianPair gaussian_pair(unsigned a, unsigned b) {
  double u = __dmul_rn(__dadd_rn((double)a, 0.5), 0x1p-32);
  double radius = __dsqrt_rn(-2 * gaussian_logarithm(u));
  int octant = (int)(b >> 29);
  int rest = (int)(b & 0x1FFFFFFFu);
  double x = __dmul_rn((double)((octant & 1) == 0 ? rest : 0x20000000 - rest), 0x1.921fb54442d18p2 * 0x1p-32);
  double square = __dmul_rn(x, x);
  double cosine = 1.0 / 20922789888000.0;
  double sine = 1.0 / 355687428096000.0;
  cosine = gaussian_step(cosine, square, -1.0 / 87178291200.0);
  sine = gaussian_step(sine, square, -1.0 / 1307674368000.0);
  cosine = gaussian_step(cosine, square, 1.0 / 479001600.0);
  sine = gaussian_step(sine, square, 1.0 / 6227020800.0);
  cosine = gaussian_step(cosine, square, -1.0 / 3628800.0);
  sine = gaussian_step(sine, square, -1.0 / 39916800.0);
  cosine = gaussian_step(cosine, square, 1.0 / 40320.0);
  sine = gaussian_step(sine, square, 1.0 / 362880.0);
  cosine = gaussian_step(cosine, square, -1.0 / 720.0);
  sine = gaussian_step(sine, square, -1.0 / 5040.0);
  cosine = gaussian_step(cosine, square, 1.0 / 24.0);
  sine = gaussian_step(sine, square, 1.0 / 120.0);
  cosine = gaussian_step(cosine, square, -1.0 / 2.0);
  sine = gaussian_step(sine, square, -1.0 / 6.0);
  cosine = gaussian_step(cosine, square, 1.0);
  sine = __dmul_rn(x, gaussian_step(sine, square, 1.0));
  bool swapped = ((octant + 1) >> 1 & 1) == 1;
  double across = __dmul_rn(radius, swapped ? sine : cosine);
  double up = __dmul_rn(radius, swapped ? cosine : sine);
  return {octant >= 2 && octant < 6 ? -across : across, octant >= 4 ? -up : up};
}
