// Softmax rows and their passes, and softmax cross-entropy. A team works on a row and reads every array once for the
// sums and once, from cache, for the output; sums are float64.
#include "span.cuh"

namespace softmaxes {

// Largest logit of a row and the sum of exp(logit - most).
struct Normaliser {
  real most;
  double sum;
};

// Of a row, in one pass: a thread scales its sum whenever it meets a larger logit. A NaN makes the sum NaN.
template <class Team>
__device__ __forceinline__ Normaliser normaliser(const Team& team, const Span<int>& span, const real* a, bool wide) {
  const real none = real(-INFINITY);
  real most = none;
  double sum = 0;
  for (int c = span.first; c < span.n; c += span.hop) {
    Pack v = span.load(a, c, wide, none);
    real larger = most;
    for (int j = 0; j < PACK; j++) {
      larger = v.v[j] > larger ? v.v[j] : larger;
    }
    // minus infinity less itself is NaN
    real shift = larger == none ? real(0) : larger;
    if (larger != most) {
      sum *= (double)exp(most - shift);
      most = larger;
    }
    for (int j = 0; j < PACK; j++) {
      sum += (double)exp(v.v[j] - shift);
    }
  }
  real all = team.max(most);
  double total[1] = {sum == 0 ? 0 : sum * (double)exp(most - all)};
  team.sum(total);
  return {all, total[0]};
}

// p = exp(a - most) / sum
template <class Team>
__device__ __forceinline__ Normaliser normalise(const Team& team, const Span<int>& span, const real* a, real* p, bool wide) {
  Normaliser z = normaliser(team, span, a, wide);
  real inverse = real(1 / z.sum);
  for (int c = span.first; c < span.n; c += span.hop) {
    Pack v = span.load(a, c, wide);
    for (int j = 0; j < PACK; j++) {
      v.v[j] = exp(v.v[j] - z.most) * inverse;
    }
    span.store(p, c, wide, v);
  }
  return z;
}

// Sum of p v over a row.
template <class Team>
__device__ __forceinline__ double mean(
    const Team& team, const Span<int>& span, const real* p, const real* v, real shift, bool wide) {
  double sum[1] = {};
  for (int c = span.first; c < span.n; c += span.hop) {
    Pack a = span.load(p, c, wide);
    Pack b = span.load(v, c, wide, shift);
    for (int j = 0; j < PACK; j++) {
      sum[0] += (double)a.v[j] * (double)(b.v[j] - shift);
    }
  }
  team.sum(sum);
  return sum[0];
}

// Class of a row.
__device__ __forceinline__ int target_of(const real* targets, index_t row, int stride) { return (int)targets[row * stride]; }

// Its weight, which stands behind the class if there is room.
__device__ __forceinline__ double weight_of(const real* targets, index_t row, int stride) {
  return stride > 1 ? (double)targets[row * stride + 1] : 1;
}

// The class with more than half of a row's probability; the target if there is none.
template <class Team>
__device__ __forceinline__ int likely(const Team& team, const Span<int>& span, const real* p, int target, bool wide) {
  if (p[target] >= real(0.5)) {
    return target;
  }
  int found = -1;
  for (int c = span.first; c < span.n; c += span.hop) {
    Pack v = span.load(p, c, wide);
    for (int j = 0; j < PACK; j++) {
      found = v.v[j] > real(0.5) ? span.column(c, j) : found;
    }
  }
  // the two halves of a number of 32 bits are exact as floats
  real high = team.max(real(found < 0 ? -1 : found >> 16));
  real low = team.max(real(found < 0 ? -1 : found & 0xffff));
  return high < 0 ? target : ((int)high << 16) | (int)low;
}

}  // namespace softmaxes

// a, p: rows x cols; p may be a
KERNEL(softmax_forward)(int long_rows, index_t rows, int cols, const real* a, real* p) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    Span<int> span = team.span(cols);
    bool wide = span.wide(a, p);
    for (index_t row = team.index; row < rows; row += team.count) {
      softmaxes::normalise(team, span, a + row * cols, p + row * cols, wide);
    }
  });
}

// out = p (v - sum(p v)); p: rows x cols; v, out: k x rows x cols; out may be v
KERNEL_RESIDENT(softmax_tangent, 5)(int long_rows, int k, index_t rows, int cols, const real* p, const real* v, real* out) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    Span<int> span = team.span(cols);
    bool wide = span.wide(p, v, out);
    for (index_t row = team.index; row < rows; row += team.count) {
      const real* at = p + row * cols;
      for (int q = 0; q < k; q++) {
        index_t begin = (q * rows + row) * cols;
        real mean = real(softmaxes::mean(team, span, at, v + begin, 0, wide));
        for (int c = span.first; c < cols; c += span.hop) {
          Pack a = span.load(at, c, wide);
          Pack b = span.load(v + begin, c, wide);
          for (int j = 0; j < PACK; j++) {
            b.v[j] = a.v[j] * (b.v[j] - mean);
          }
          span.store(out + begin, c, wide, b);
        }
      }
    }
  });
}

// rda = rp (dp - m) + p (rdp - sum(rp dp + p rdp)), m = sum(p dp); p, dp: rows x cols; rp, rdp, rda: k x rows x cols; rda may be rdp
KERNEL_RESIDENT(softmax_tangent_backward, 4)(
    int long_rows, int k, index_t rows, int cols, const real* p, const real* dp, const real* rp, const real* rdp, real* rda) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    Span<int> span = team.span(cols);
    bool wide = span.wide(p, dp, rp, rdp, rda);
    for (index_t row = team.index; row < rows; row += team.count) {
      index_t at = row * cols;
      for (int q = 0; q < k; q++) {
        index_t begin = (q * rows + row) * cols;
        double sums[2] = {};
        for (int c = span.first; c < cols; c += span.hop) {
          Pack a = span.load(p + at, c, wide);
          Pack b = span.load(dp + at, c, wide);
          Pack ra = span.load(rp + begin, c, wide);
          Pack rb = span.load(rdp + begin, c, wide);
          for (int j = 0; j < PACK; j++) {
            double adjoint = b.v[j];
            sums[0] += (double)a.v[j] * adjoint;
            sums[1] += (double)ra.v[j] * adjoint + (double)a.v[j] * (double)rb.v[j];
          }
        }
        team.sum(sums);
        real mean = real(sums[0]), tangent = real(sums[1]);
        for (int c = span.first; c < cols; c += span.hop) {
          Pack a = span.load(p + at, c, wide);
          Pack b = span.load(dp + at, c, wide);
          Pack ra = span.load(rp + begin, c, wide);
          Pack rb = span.load(rdp + begin, c, wide);
          for (int j = 0; j < PACK; j++) {
            rb.v[j] = ra.v[j] * (b.v[j] - mean) + a.v[j] * (rb.v[j] - tangent);
          }
          span.store(rda + begin, c, wide, rb);
        }
      }
    }
  });
}

// partial: k x (gridDim.x / k), sums of p (dp - sum(p dp)) u^2, u = ra - sum(p ra); p, dp: rows x cols; ra: k x rows x cols. Blocks of all
// directions that read the same rows are neighbours.
KERNEL(softmax_curvature)(
    int long_rows, int k, index_t rows, int cols, const real* p, const real* dp, const real* ra, double* partial) {
  int q = blockIdx.x % k;
  index_t block = blockIdx.x / k, blocks = gridDim.x / k;
  double total = 0;
  with_team(long_rows, block, blocks, [&](auto team) {
    Span<int> span = team.span(cols);
    bool wide = span.wide(p, dp, ra);
    for (index_t row = team.index; row < rows; row += team.count) {
      index_t at = row * cols, begin = (q * rows + row) * cols;
      double means[2] = {};
      for (int c = span.first; c < cols; c += span.hop) {
        Pack a = span.load(p + at, c, wide);
        Pack b = span.load(dp + at, c, wide);
        Pack u = span.load(ra + begin, c, wide);
        for (int j = 0; j < PACK; j++) {
          means[0] += (double)a.v[j] * (double)b.v[j];
          means[1] += (double)a.v[j] * (double)u.v[j];
        }
      }
      team.sum(means);
      real mean = real(means[0]), tangent = real(means[1]);
      for (int c = span.first; c < cols; c += span.hop) {
        Pack a = span.load(p + at, c, wide);
        Pack b = span.load(dp + at, c, wide);
        Pack u = span.load(ra + begin, c, wide);
        for (int j = 0; j < PACK; j++) {
          real centred = u.v[j] - tangent;
          total += (double)(a.v[j] * (b.v[j] - mean) * centred) * (double)centred;
        }
      }
    }
  });
  total = block_sum(total);
  if (threadIdx.x == 0) {
    partial[q * blocks + block] = total;
  }
}

// p: rows x classes from z: rows x classes; partial: gridDim.x, sums of -weight log p[target]
KERNEL(cross_entropy)(
    int long_rows, index_t rows, int classes, const real* z, const real* targets, int stride, real* p, double* partial) {
  double total = 0;
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    Span<int> span = team.span(classes);
    bool wide = span.wide(z, p);
    for (index_t row = team.index; row < rows; row += team.count) {
      double target = z[row * classes + softmaxes::target_of(targets, row, stride)];
      softmaxes::Normaliser n = softmaxes::normalise(team, span, z + row * classes, p + row * classes, wide);
      if (team.leads()) {
        // the difference of logits first: it is 0 when the target is the largest, and only the logarithm is left
        total += softmaxes::weight_of(targets, row, stride) * (((double)n.most - target) + log(n.sum));
      }
    }
  });
  total = block_sum(total);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = total;
  }
}

// dz = scale weight p, for the target minus the sum of the others; p, dz: rows x classes
KERNEL(cross_entropy_backward)(
    int long_rows, index_t rows, int classes, double scale, const real* p, const real* targets, int stride, real* dz) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    Span<int> span = team.span(classes);
    bool wide = span.wide(p, dz);
    for (index_t row = team.index; row < rows; row += team.count) {
      int target = softmaxes::target_of(targets, row, stride);
      double weight = scale * softmaxes::weight_of(targets, row, stride);
      real factor = real(weight);
      real* out = dz + row * classes;
      double others[1] = {};
      bool mine = false;
      for (int c = span.first; c < classes; c += span.hop) {
        Pack v = span.load(p + row * classes, c, wide);
        for (int j = 0; j < PACK; j++) {
          bool hit = span.column(c, j) == target;
          mine = mine || hit;
          others[0] += hit ? 0 : (double)v.v[j];
          v.v[j] *= factor;
        }
        span.store(out, c, wide, v);
      }
      team.sum(others);
      // by the thread that has written it before
      if (mine) {
        out[target] = real(-weight * others[0]);
      }
    }
  });
}

// rdz = scale weight p (q - sum(p q)), q = rz - rz of the likely class; p: rows x classes; rz, rdz: k x rows x classes
KERNEL(cross_entropy_tangent)(
    int long_rows, int k, index_t rows, int classes, double scale, const real* p, const real* targets, int stride, const real* rz,
    real* rdz) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    Span<int> span = team.span(classes);
    bool wide = span.wide(p, rz, rdz);
    for (index_t row = team.index; row < rows; row += team.count) {
      const real* at = p + row * classes;
      real factor = real(scale * softmaxes::weight_of(targets, row, stride));
      int likely = softmaxes::likely(team, span, at, softmaxes::target_of(targets, row, stride), wide);
      for (int q = 0; q < k; q++) {
        index_t begin = (q * rows + row) * classes;
        real shift = rz[begin + likely];
        real mean = real(softmaxes::mean(team, span, at, rz + begin, shift, wide));
        for (int c = span.first; c < classes; c += span.hop) {
          Pack a = span.load(at, c, wide);
          Pack b = span.load(rz + begin, c, wide);
          for (int j = 0; j < PACK; j++) {
            b.v[j] = factor * (a.v[j] * (b.v[j] - shift - mean));
          }
          span.store(rdz + begin, c, wide, b);
        }
      }
    }
  });
}
