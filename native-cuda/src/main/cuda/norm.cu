// Row normalisation and its passes. A team works on a row; sums over a row are float64 and taken in one go, in forms in which float64
// cancels no digit that float32 holds, so that every array is read once for the sums and once, from cache, for the output.
#include "span.cuh"

namespace norms {

struct Shape {
  long long rows;
  double epsilon;
  int cols;
  int centred;
};

// One array for each direction: rows of `stride` elements, direction q begins at p + q * stride.
struct Runs {
  const real* p;
  index_t stride;

  __device__ __forceinline__ const real* run(int q) const { return p ? p + q * stride : p; }
};

// Mean and r of a row.
struct Stats {
  real mean;
  real r;

  __device__ __forceinline__ Stats(const Shape& s, const real* stats, index_t row)
      : mean(s.centred ? stats[2 * row] : real(0)), r(stats[2 * row + 1]) {}

  __device__ __forceinline__ real normalised(real x) const { return (x - mean) * r; }
};

template <class Team>
__device__ __forceinline__ void forward(
    Team team, const Shape& s, const real* x, const real* gamma, const real* beta, real* y, real* stats) {
  int n = s.cols;
  Span<int> span = team.span(n);
  bool wide = span.wide(x, y), wide_gamma = span.wide(gamma), wide_beta = span.wide(beta);
  for (index_t row = team.index; row < s.rows; row += team.count) {
    const real* in = x + row * n;
    // About the first element, which is no farther from the mean than sqrt(n) standard deviations: so the difference of squares below
    // cancels little, and one pass is enough.
    double origin = s.centred ? (double)in[0] : 0;
    double sums[2] = {};
    for (int c = span.first; c < n; c += span.hop) {
      Pack v = span.load(in, c, wide);
      for (int j = 0; j < PACK; j++) {
        if (span.has(c, j)) {
          double d = (double)v.v[j] - origin;
          sums[0] += d;
          sums[1] += d * d;
        }
      }
    }
    team.sum(sums);
    double shift = s.centred ? sums[0] / n : 0;
    double square = sums[1] / n - shift * shift;
    // not below 0 by rounding; NaN stays NaN
    double variance = square < 0 ? 0 : square;
    real mean = real(origin + shift);
    real r = real(1 / sqrt(variance + s.epsilon));
    for (int c = span.first; c < n; c += span.hop) {
      Pack v = span.load(in, c, wide);
      Pack g = span.load(gamma, c, wide_gamma);
      Pack b = {};
      if (beta) {
        b = span.load(beta, c, wide_beta);
      }
      for (int j = 0; j < PACK; j++) {
        v.v[j] = g.v[j] * ((v.v[j] - mean) * r) + b.v[j];
      }
      span.store(y + row * n, c, wide, v);
    }
    if (team.leads()) {
      stats[2 * row] = mean;
      stats[2 * row + 1] = r;
    }
  }
}

template <class Team>
__device__ __forceinline__ void tangent(
    Team team, const Shape& s, int k, const real* x, const real* stats, const real* gamma, const real* rx, Runs rgamma, Runs rbeta,
    real* ry) {
  int n = s.cols;
  Span<int> span = team.span(n);
  bool wide = span.wide(x, rx, ry), wide_gamma = span.wide(gamma);
  for (index_t row = team.index; row < s.rows; row += team.count) {
    Stats at(s, stats, row);
    const real* in = x + row * n;
    for (int q = 0; q < k; q++) {
      index_t begin = (q * s.rows + row) * n;
      real mean = 0, slope = 0;
      if (rx) {
        double sums[2] = {};
        for (int c = span.first; c < n; c += span.hop) {
          Pack v = span.load(in, c, wide);
          Pack t = span.load(rx + begin, c, wide);
          for (int j = 0; j < PACK; j++) {
            sums[0] += (double)t.v[j];
            sums[1] += (double)at.normalised(v.v[j]) * (double)t.v[j];
          }
        }
        team.sum(sums);
        mean = s.centred ? real(sums[0] / n) : real(0);
        slope = real(sums[1] / n);
      }
      const real* gains = rgamma.run(q);
      const real* shifts = rbeta.run(q);
      bool wide_gains = span.wide(gains), wide_shifts = span.wide(shifts);
      for (int c = span.first; c < n; c += span.hop) {
        Pack v = span.load(in, c, wide);
        Pack t = {};
        if (rx) {
          t = span.load(rx + begin, c, wide);
        }
        Pack g = span.load(gamma, c, wide_gamma);
        Pack rg = span.load(gains, c, wide_gains);
        Pack rb = {};
        if (shifts) {
          rb = span.load(shifts, c, wide_shifts);
        }
        for (int j = 0; j < PACK; j++) {
          real xh = at.normalised(v.v[j]);
          real rxh = at.r * (t.v[j] - mean - xh * slope);
          v.v[j] = rg.v[j] * xh + g.v[j] * rxh + rb.v[j];
        }
        span.store(ry + begin, c, wide, v);
      }
    }
  }
}

// Sum over the team's rows of the curvature of direction q, the same in every thread of the team.
template <class Team>
__device__ __forceinline__ double curvature(
    Team team, const Shape& s, int q, const real* x, const real* stats, const real* gamma, const real* dy, const real* rx, Runs rgamma) {
  int n = s.cols;
  Span<int> span = team.span(n);
  const real* gains = rgamma.run(q);
  bool wide = span.wide(x, dy, rx), wide_gamma = span.wide(gamma), wide_gains = span.wide(gains);
  double total = 0;
  for (index_t row = team.index; row < s.rows; row += team.count) {
    Stats at(s, stats, row);
    index_t begin = (q * s.rows + row) * n;
    enum { RX, XH_RX, RX_RX, D, D_XH, D_RX, E, E_XH, E_RX, SUMS };
    double sums[SUMS] = {};  // d = gamma dy, e = rgamma dy
    for (int c = span.first; c < n; c += span.hop) {
      Pack v = span.load(x + row * n, c, wide);
      Pack a = span.load(dy + row * n, c, wide);
      Pack t = span.load(rx + begin, c, wide);
      Pack g = span.load(gamma, c, wide_gamma);
      Pack rg = span.load(gains, c, wide_gains);
      for (int j = 0; j < PACK; j++) {
        double xh = at.normalised(v.v[j]), d = g.v[j] * a.v[j], e = rg.v[j] * a.v[j], tangent = t.v[j];
        sums[RX] += tangent;
        sums[XH_RX] += xh * tangent;
        sums[RX_RX] += tangent * tangent;
        sums[D] += d;
        sums[D_XH] += d * xh;
        sums[D_RX] += d * tangent;
        sums[E] += e;
        sums[E_XH] += e * xh;
        sums[E_RX] += e * tangent;
      }
    }
    team.sum(sums);
    double r = at.r;
    double mean = s.centred ? sums[RX] / n : 0;
    double slope = sums[XH_RX] / n;
    double square = sums[RX_RX] / n - mean * mean;
    double rr = -r * r * slope;
    double rrr = 3 * rr * rr / r - r * r * r * square;
    double e_rxh = r * (sums[E_RX] - mean * sums[E] - slope * sums[E_XH]);
    total += 2 * e_rxh + 2 * rr * (sums[D_RX] - mean * sums[D]) + rrr / r * sums[D_XH];
  }
  return total;
}

// ---- backward passes: a block takes a chunk of rows, tile by tile. First every warp sums over rows of the tile; then every thread goes
// down its own columns of the tile, which the first part has left in the cache, and keeps the sums of the gains' and shifts' gradients.

constexpr int MOST_ROWS = 64;  // of a tile

// How a chunk is cut.
struct Tiling {
  long long chunk;  // rows of a chunk, a whole number of tiles
  int tile;  // rows of a tile
  int width;  // threads side by side, each with its own columns
  int groups;  // threads below each other, each with its own rows of a tile
};

// Sums of the two gradients over a thread's rows, for PACK columns.
struct Gradients {
  double gain[PACK];
  double shift[PACK];
};

// Where the sums of a chunk and group are: for each direction gains then shifts, slots x cols each.
__device__ __forceinline__ void flush(
    const Span<int>& span, int c, Gradients& sums, double* partial, index_t slots, int add) {
  for (int j = 0; j < PACK; j++) {
    if (span.has(c, j)) {
      double* gain = partial + span.column(c, j);
      double* shift = gain + slots * span.n;
      *gain = add ? *gain + sums.gain[j] : sums.gain[j];
      *shift = add ? *shift + sums.shift[j] : sums.shift[j];
    }
    sums.gain[j] = 0;
    sums.shift[j] = 0;
  }
}

// Goes over a chunk: row_sums(row, place, span) for each row with a warp, `place` being its place in the tile, then column(c) and
// element(row, place, c) for each thread's columns.
template <class RowSums, class Columns, class Rows>
__device__ __forceinline__ void backward(
    const Shape& s, const Tiling& t, index_t chunk, index_t chunks, double* partial, RowSums row_sums, Columns columns, Rows rows) {
  int n = s.cols;
  int group = threadIdx.x / t.width;
  Span<int> lanes(threadIdx.x % WARP, WARP, n);
  Span<int> span(threadIdx.x % t.width, t.width, n);
  index_t slots = chunks * t.groups;
  double* sums_at = partial + (chunk * t.groups + group) * n;
  index_t end = min(s.rows, (chunk + 1) * t.chunk);
  // columns that fit side by side keep their sums from tile to tile
  bool together = n <= span.hop;
  Gradients sums = {};
  for (index_t first = chunk * t.chunk; first < end; first += t.tile) {
    int count = (int)min((index_t)t.tile, end - first);
    for (int i = threadIdx.x / WARP; i < count; i += blockDim.x / WARP) {
      row_sums(first + i, i, lanes);
    }
    __syncthreads();
    if (group < t.groups) {
      for (int c = span.first; c < n; c += span.hop) {
        columns(c, span);
        for (int i = group; i < count; i += t.groups) {
          rows(first + i, i, c, span, sums);
        }
        if (!together || first + t.tile >= end) {
          flush(span, c, sums, sums_at, slots, !together && first > chunk * t.chunk);
        }
      }
    }
    __syncthreads();
  }
}

}  // namespace norms

// y, stats from x: rows x cols; gamma, beta: cols
KERNEL(norm_forward)(
    norms::Shape s, int long_rows, const real* x, const real* gamma, const real* beta, real* y, real* stats) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) { norms::forward(team, s, x, gamma, beta, y, stats); });
}

// ry from x: rows x cols; rx, ry: k x rows x cols; rgamma, rbeta: k runs of cols
KERNEL(norm_tangent)(
    norms::Shape s, int long_rows, int k, const real* x, const real* stats, const real* gamma, const real* rx, norms::Runs rgamma,
    norms::Runs rbeta, real* ry) {
  with_team(long_rows, blockIdx.x, gridDim.x, [&](auto team) {
    norms::tangent(team, s, k, x, stats, gamma, rx, rgamma, rbeta, ry);
  });
}

// partial: k x (gridDim.x / k), x, dy: rows x cols; rx: k x rows x cols. Blocks of all directions that read the same rows are neighbours.
KERNEL_RESIDENT(norm_curvature, 3)(
    norms::Shape s, int long_rows, int k, const real* x, const real* stats, const real* gamma, const real* dy, const real* rx,
    norms::Runs rgamma, double* partial) {
  int q = blockIdx.x % k;
  index_t block = blockIdx.x / k, blocks = gridDim.x / k;
  double total = 0;
  with_team(long_rows, block, blocks, [&](auto team) {
    double sum = norms::curvature(team, s, q, x, stats, gamma, dy, rx, rgamma);
    total = team.leads() ? sum : 0;
  });
  total = block_sum(total);
  if (threadIdx.x == 0) {
    partial[q * blocks + block] = total;
  }
}

// dx (or null) from x, dy: rows x cols; partial: 2 x chunks groups x cols, block = chunk
KERNEL_RESIDENT(norm_backward, 3)(
    norms::Shape s, norms::Tiling t, const real* x, const real* stats, const real* gamma, const real* dy, real* dx, int add,
    double* partial) {
  enum { M1, M2, VALUES };
  __shared__ real values[norms::MOST_ROWS][VALUES];
  int n = s.cols;
  bool packs = n % PACK == 0;
  bool wide = packs && aligned16(x) && aligned16(dy) && aligned16(dx), wide_gamma = packs && aligned16(gamma);
  auto row_sums = [&](index_t row, int place, const Span<int>& span) {
    if (!dx) {
      return;
    }
    norms::Stats at(s, stats, row);
    double m1 = 0, m2 = 0;
    for (int c = span.first; c < n; c += span.hop) {
      Pack v = span.load(x + row * n, c, wide);
      Pack a = span.load(dy + row * n, c, wide);
      Pack g = span.load(gamma, c, wide_gamma);
      for (int j = 0; j < PACK; j++) {
        double dxh = g.v[j] * a.v[j];
        m1 += dxh;
        m2 += dxh * (double)at.normalised(v.v[j]);
      }
    }
    m1 = warp_sum(m1);
    m2 = warp_sum(m2);
    if (threadIdx.x % WARP == 0) {
      values[place][M1] = s.centred ? real(m1 / n) : real(0);
      values[place][M2] = real(m2 / n);
    }
  };
  Pack g;
  auto columns = [&](int c, const Span<int>& span) { g = span.load(gamma, c, wide_gamma); };
  auto rows = [&](index_t row, int place, int c, const Span<int>& span, norms::Gradients& sums) {
    norms::Stats at(s, stats, row);
    Pack v = span.load(x + row * n, c, wide);
    Pack a = span.load(dy + row * n, c, wide);
    for (int j = 0; j < PACK; j++) {
      v.v[j] = at.normalised(v.v[j]);
      sums.gain[j] += (double)a.v[j] * (double)v.v[j];
      sums.shift[j] += (double)a.v[j];
    }
    if (dx) {
      real m1 = values[place][M1], m2 = values[place][M2];
      for (int j = 0; j < PACK; j++) {
        v.v[j] = at.r * (g.v[j] * a.v[j] - m1 - v.v[j] * m2);
      }
      span.put(dx + row * n, c, wide, v, add);
    }
  };
  norms::backward(s, t, blockIdx.x, gridDim.x, partial, row_sums, columns, rows);
}

// Before compute capability 9.0 a third block of norm_tangent_backward would spill one register.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define TANGENT_BACKWARD_BLOCKS 2
#else
#define TANGENT_BACKWARD_BLOCKS 3
#endif

// rdx (or null) from x, dy: rows x cols; rx (or null), rdy: k x rows x cols; partial: k x 2 x chunks groups x cols, block = chunk k + q, so
// that blocks of all directions that read the same rows are neighbours.
KERNEL_RESIDENT(norm_tangent_backward, TANGENT_BACKWARD_BLOCKS)(
    norms::Shape s, norms::Tiling t, int k, const real* x, const real* stats, const real* gamma, const real* dy, const real* rx,
    norms::Runs rgamma, const real* rdy, real* rdx, int add, double* partial) {
  enum { MEAN, SLOPE, M1, M2, RM1, RM2, VALUES };
  __shared__ real values[norms::MOST_ROWS][VALUES];
  int n = s.cols;
  int q = blockIdx.x % k;
  index_t chunk = blockIdx.x / k, chunks = gridDim.x / k;
  const real* gains = rgamma.run(q);
  if (rx) {
    rx += q * s.rows * n;
  }
  rdy += q * s.rows * n;
  if (rdx) {
    rdx += q * s.rows * n;
  }
  partial += q * 2 * chunks * t.groups * n;
  bool packs = n % PACK == 0;
  bool wide = packs && aligned16(x) && aligned16(dy) && aligned16(rx) && aligned16(rdy) && aligned16(rdx);
  bool wide_gamma = packs && aligned16(gamma), wide_gains = packs && aligned16(gains);
  auto row_sums = [&](index_t row, int place, const Span<int>& span) {
    norms::Stats at(s, stats, row);
    enum { RX, XH_RX, D, D_XH, D_RX, RD, RD_XH, SUMS };
    double sums[SUMS] = {};  // d = gamma dy, rd = rgamma dy + gamma rdy
    for (int c = span.first; c < n; c += span.hop) {
      // in this order few values are needed at a time
      Pack d = span.load(dy + row * n, c, wide);
      Pack g = span.load(gamma, c, wide_gamma);
      Pack rd = span.load(rdy + row * n, c, wide);
      Pack rg = span.load(gains, c, wide_gains);
      for (int j = 0; j < PACK; j++) {
        rd.v[j] = rg.v[j] * d.v[j] + g.v[j] * rd.v[j];
        d.v[j] *= g.v[j];
      }
      Pack v = span.load(x + row * n, c, wide);
      Pack u = {};
      if (rx) {
        u = span.load(rx + row * n, c, wide);
      }
      for (int j = 0; j < PACK; j++) {
        double xh = at.normalised(v.v[j]), tangent = u.v[j];
        sums[RX] += tangent;
        sums[XH_RX] += xh * tangent;
        sums[D] += (double)d.v[j];
        sums[D_XH] += (double)d.v[j] * xh;
        sums[D_RX] += (double)d.v[j] * tangent;
        sums[RD] += (double)rd.v[j];
        sums[RD_XH] += (double)rd.v[j] * xh;
      }
    }
    for (int i = 0; i < SUMS; i++) {
      sums[i] = warp_sum(sums[i]) / n;
    }
    if (threadIdx.x % WARP == 0) {
      double mean = s.centred ? sums[RX] : 0, slope = sums[XH_RX];
      double d_rxh = at.r * (sums[D_RX] - mean * sums[D] - slope * sums[D_XH]);
      values[place][MEAN] = real(mean);
      values[place][SLOPE] = real(slope);
      values[place][M1] = s.centred ? real(sums[D]) : real(0);
      values[place][M2] = real(sums[D_XH]);
      values[place][RM1] = s.centred ? real(sums[RD]) : real(0);
      values[place][RM2] = real(sums[RD_XH] + d_rxh);
    }
  };
  Pack g, rg;
  auto columns = [&](int c, const Span<int>& span) {
    g = span.load(gamma, c, wide_gamma);
    rg = span.load(gains, c, wide_gains);
  };
  auto rows = [&](index_t row, int place, int c, const Span<int>& span, norms::Gradients& sums) {
    norms::Stats at(s, stats, row);
    Pack v = span.load(x + row * n, c, wide);
    Pack a = span.load(dy + row * n, c, wide);
    Pack ra = span.load(rdy + row * n, c, wide);
    Pack u = {};
    if (rx) {
      u = span.load(rx + row * n, c, wide);
    }
    const real* row_values = values[place];
    for (int j = 0; j < PACK; j++) {
      real xh = at.normalised(v.v[j]);
      real rxh = at.r * (u.v[j] - row_values[MEAN] - xh * row_values[SLOPE]);
      real dxh = g.v[j] * a.v[j];
      real rdxh = rg.v[j] * a.v[j] + g.v[j] * ra.v[j];
      real d = at.r * (dxh - row_values[M1] - xh * row_values[M2]);
      sums.gain[j] += (double)ra.v[j] * (double)xh + (double)a.v[j] * (double)rxh;
      sums.shift[j] += (double)ra.v[j];
      v.v[j] = at.r * (rdxh - row_values[RM1] - rxh * row_values[M2] - xh * row_values[RM2]) - at.r * row_values[SLOPE] * d;
    }
    if (rdx) {
      span.put(rdx + row * n, c, wide, v, add);
    }
  };
  norms::backward(s, t, chunk, chunks, partial, row_sums, columns, rows);
}

// Second stage: dgamma += sums over slots of partial[q][0], dbeta (or null) += those of partial[q][1]; partial: k x 2 x slots x cols,
// dgamma, dbeta: k runs of cols. blockIdx.y is q, or 2 q and 2 q + 1 if there is dbeta. A block of 256 threads takes 32 columns.
KERNEL(norm_add_gradients)(
    int cols, int slots, const double* partial, real* dgamma, index_t dgamma_stride, real* dbeta, index_t dbeta_stride) {
  constexpr int SLICES = 8;
  __shared__ double sums[SLICES][WARP];
  int q = dbeta ? blockIdx.y / 2 : blockIdx.y;
  int which = dbeta ? blockIdx.y % 2 : 0;
  int lane = threadIdx.x % WARP, slice = threadIdx.x / WARP;
  int c = blockIdx.x * WARP + lane;
  partial += (index_t)(2 * q + which) * slots * cols;
  double sum = 0;
  if (c < cols) {
    for (int i = slice; i < slots; i += SLICES) {
      sum += partial[(index_t)i * cols + c];
    }
  }
  sums[slice][lane] = sum;
  __syncthreads();
  if (slice == 0 && c < cols) {
    for (int i = 1; i < SLICES; i++) {
      sum += sums[i][lane];
    }
    real* out = which ? dbeta + q * dbeta_stride : dgamma + q * dgamma_stride;
    out[c] = real((double)out[c] + sum);
  }
}
