// Normalisation of channels. Every mean that a pass needs follows from sums over owners: planes if statistics are those
// of groups, else channels. A pass sums, combines the sums of a unit in order, and goes over the planes once more to write.
#include "units.cuh"

namespace channel {

// ImageKernels.Statistics
enum { GROUP, BATCH, GIVEN };

struct Shape {
  int images, channels, size, groups, statistics;
  // of an owner, that are summed apart
  int pieces;

  __device__ __forceinline__ int planes() const { return images * channels; }
  __device__ __forceinline__ int owners() const { return statistics == GROUP ? planes() : channels; }
  // Planes of an owner, `channels` apart.
  __device__ __forceinline__ int planes_of_owner() const { return statistics == GROUP ? 1 : images; }
  __device__ __forceinline__ int units() const {
    return statistics == GROUP ? images * groups : statistics == BATCH ? channels : planes();
  }
  __device__ __forceinline__ int unit(int plane) const {
    return statistics == GROUP ? plane / (channels / groups) : statistics == BATCH ? plane % channels : plane;
  }
  __device__ __forceinline__ double unit_size() const {
    return statistics == GROUP ? (double)(channels / groups) * size : statistics == BATCH ? (double)images * size : size;
  }
};

// Sums over a piece of an owner.
enum { XH, DY, DY_XH, RX, XH_RX, DY_RX, RDY, RDY_XH, RX_RX, SUMS };

// Means of a unit and direction: a = mean(xh (rx - m)) and so on.
enum { M, A, M1, M2, RM1, RM2, MEANS };

// Which piece of which owner and direction a group of `lanes` threads sums, and the elements of it.
template <int U>
struct Piece {
  index_t index;
  int direction, owner, lane;
  index_t first, begin, end;

  __device__ __forceinline__ Piece(const Shape& s, int k, int lanes) {
    index_t group = first_element() / lanes;
    lane = threadIdx.x % lanes;
    direction = (int)(group % k);
    index = group / k;
    owner = (int)(index / s.pieces);
    first = (index_t)owner * s.size;
    index_t units = (index_t)s.planes_of_owner() * (s.size / U);
    index_t each = (units + s.pieces - 1) / s.pieces;
    begin = index % s.pieces * each;
    end = begin + each < units ? begin + each : units;
  }

  __device__ __forceinline__ bool exists(const Shape& s) const { return owner < s.owners(); }

  // Where unit u is in an array of planes.
  __device__ __forceinline__ index_t at(const Shape& s, index_t u) const {
    if (s.planes_of_owner() == 1) {
      return first + u * U;
    }
    index_t image = u / (s.size / U);
    return first + image * s.channels * s.size + (u - image * (s.size / U)) * U;
  }

  __device__ __forceinline__ double elements() const { return end > begin ? (double)(end - begin) * U : 0; }
};

// Over the threads of a group, a warp or a block.
__device__ __forceinline__ double group_sum(double x, int lanes) { return lanes == WARP ? warp_sum(x) : block_sum(x); }

// ---- forward

template <int U>
__device__ __forceinline__ void moments(const real* x, double* partial, const Shape& s, int lanes) {
  Piece<U> piece(s, 1, lanes);
  if (!piece.exists(s)) {
    return;
  }
  double sum = 0;
  for (index_t u = piece.begin + piece.lane; u < piece.end; u += lanes) {
    Unit<U> v = load_unit<U>(x + piece.at(s, u));
    for (int i = 0; i < U; i++) {
      sum += (double)v.v[i];
    }
  }
  sum = group_sum(sum, lanes);
  double mean = sum / piece.elements();
  double squares = 0;
  for (index_t u = piece.begin + piece.lane; u < piece.end; u += lanes) {
    Unit<U> v = load_unit<U>(x + piece.at(s, u));
    for (int i = 0; i < U; i++) {
      squares += ((double)v.v[i] - mean) * ((double)v.v[i] - mean);
    }
  }
  squares = group_sum(squares, lanes);
  if (piece.lane == 0) {
    double* out = partial + 3 * piece.index;
    out[0] = piece.elements();
    out[1] = sum;
    out[2] = squares;
  }
}

}  // namespace channel

// x: planes x size, partial: owners x pieces x (elements, sum, squared distance to the mean of the piece).
KERNEL(channel_moments)(const real* x, double* partial, channel::Shape s, int lanes, int packed) {
  if (packed) {
    channel::moments<PACK>(x, partial, s, lanes);
  } else {
    channel::moments<1>(x, partial, s, lanes);
  }
}

// stats: units x (mean, r); a warp for each unit puts its pieces together (Chan, Golub and LeVeque, 1983).
KERNEL(channel_statistics)(const double* partial, real* stats, channel::Shape s, double epsilon) {
  index_t unit = first_element() / WARP;
  if (unit >= s.units()) {
    return;
  }
  int lane = threadIdx.x % WARP;
  index_t count = (index_t)s.owners() / s.units() * s.pieces;
  const double* mine = partial + 3 * unit * count;
  double sum = 0;
  for (index_t j = lane; j < count; j += WARP) {
    sum += mine[3 * j + 1];
  }
  double mean = warp_sum(sum) / s.unit_size();
  double squares = 0;
  for (index_t j = lane; j < count; j += WARP) {
    double elements = mine[3 * j];
    if (elements > 0) {
      double shift = mine[3 * j + 1] / elements - mean;
      squares += mine[3 * j + 2] + elements * shift * shift;
    }
  }
  squares = warp_sum(squares);
  if (lane == 0) {
    stats[2 * unit] = real(mean);
    stats[2 * unit + 1] = real(1 / sqrt(squares / s.unit_size() + epsilon));
  }
}

// given: channels means, channels variances, stats: planes x (mean, r).
KERNEL(channel_given)(const real* given, real* stats, channel::Shape s, double epsilon) {
  for (index_t plane = first_element(); plane < s.planes(); plane += element_step()) {
    int channel = (int)(plane % s.channels);
    stats[2 * plane] = given[channel];
    stats[2 * plane + 1] = real(1 / sqrt((double)given[s.channels + channel] + epsilon));
  }
}

// ---- sums of the other passes

namespace channel {

template <int U>
__device__ __forceinline__ void sums(const real* x, const real* stats, const real* dy, const real* rx, const real* rdy,
                                     double* partial, const Shape& s, int k, int lanes) {
  Piece<U> piece(s, k, lanes);
  if (!piece.exists(s)) {
    return;
  }
  // planes of a channel have equal statistics if they are given
  int unit = s.unit(piece.owner);
  double mean = (double)stats[2 * unit];
  double r = (double)stats[2 * unit + 1];
  index_t tangents = (index_t)piece.direction * s.planes() * s.size;
  double sum[SUMS] = {};
  for (index_t u = piece.begin + piece.lane; u < piece.end; u += lanes) {
    index_t at = piece.at(s, u);
    Unit<U> v = load_unit<U>(x + at);
    Unit<U> adjoint = {};
    Unit<U> tangent = {};
    Unit<U> both = {};
    if (dy) {
      adjoint = load_unit<U>(dy + at);
    }
    if (rx) {
      tangent = load_unit<U>(rx + tangents + at);
    }
    if (rdy) {
      both = load_unit<U>(rdy + tangents + at);
    }
    for (int i = 0; i < U; i++) {
      double xh = ((double)v.v[i] - mean) * r;
      double y = (double)adjoint.v[i];
      double t = (double)tangent.v[i];
      double b = (double)both.v[i];
      sum[XH] += xh;
      sum[DY] += y;
      sum[DY_XH] += y * xh;
      sum[RX] += t;
      sum[XH_RX] += xh * t;
      sum[DY_RX] += y * t;
      sum[RDY] += b;
      sum[RDY_XH] += b * xh;
      sum[RX_RX] += t * t;
    }
  }
  index_t owners = (index_t)s.owners() * s.pieces;
  double* out = partial + (index_t)piece.direction * SUMS * owners + piece.index;
#pragma unroll
  for (int j = 0; j < SUMS; j++) {
    double total = group_sum(sum[j], lanes);
    if (piece.lane == 0) {
      out[j * owners] = total;
    }
  }
}

}  // namespace channel

// x, dy: planes x size, rx, rdy: k x planes x size, all but x may be null; partial: k x SUMS x owners x pieces. Groups
// of threads: owners x pieces x k, so that directions find x and dy in the cache.
KERNEL(channel_sums)(const real* x, const real* stats, const real* dy, const real* rx, const real* rdy, double* partial,
                     channel::Shape s, int k, int lanes, int packed) {
  if (packed) {
    channel::sums<PACK>(x, stats, dy, rx, rdy, partial, s, k, lanes);
  } else {
    channel::sums<1>(x, stats, dy, rx, rdy, partial, s, k, lanes);
  }
}

// ---- means of units

namespace channel {

// The sums of one direction.
struct Sums {
  const double* partial;
  index_t owners;

  __device__ __forceinline__ Sums(const double* all, const Shape& s, int direction) {
    owners = (index_t)s.owners() * s.pieces;
    partial = all + (index_t)direction * SUMS * owners;
  }
  __device__ __forceinline__ double of(int which, index_t piece) const { return partial[which * owners + piece]; }
};

// What the means and the curvature of a unit are made of: sums weighted by the gains (g_) or their tangents (rg_).
struct Totals {
  double xh, rx, xh_rx, rx_rx;
  double g_dy, g_dy_xh, g_dy_rx, g_rdy, g_rdy_xh;
  double rg_dy, rg_dy_xh, rg_dy_rx;
};

// All lanes of a warp share the pieces of `count` owners from `first` on.
__device__ __forceinline__ Totals totals(const Sums& sums, const Shape& s, int first, int count, const real* gamma,
                                         const real* rgamma) {
  Totals t = {};
  for (index_t j = threadIdx.x % WARP; j < (index_t)count * s.pieces; j += WARP) {
    index_t piece = (index_t)first * s.pieces + j;
    int channel = (first + (int)(j / s.pieces)) % s.channels;
    double g = (double)gamma[channel];
    double rg = rgamma ? (double)rgamma[channel] : 0;
    t.xh += sums.of(XH, piece);
    t.rx += sums.of(RX, piece);
    t.xh_rx += sums.of(XH_RX, piece);
    t.rx_rx += sums.of(RX_RX, piece);
    t.g_dy += g * sums.of(DY, piece);
    t.g_dy_xh += g * sums.of(DY_XH, piece);
    t.g_dy_rx += g * sums.of(DY_RX, piece);
    t.g_rdy += g * sums.of(RDY, piece);
    t.g_rdy_xh += g * sums.of(RDY_XH, piece);
    t.rg_dy += rg * sums.of(DY, piece);
    t.rg_dy_xh += rg * sums.of(DY_XH, piece);
    t.rg_dy_rx += rg * sums.of(DY_RX, piece);
  }
  t.xh = warp_sum(t.xh);
  t.rx = warp_sum(t.rx);
  t.xh_rx = warp_sum(t.xh_rx);
  t.rx_rx = warp_sum(t.rx_rx);
  t.g_dy = warp_sum(t.g_dy);
  t.g_dy_xh = warp_sum(t.g_dy_xh);
  t.g_dy_rx = warp_sum(t.g_dy_rx);
  t.g_rdy = warp_sum(t.g_rdy);
  t.g_rdy_xh = warp_sum(t.g_rdy_xh);
  t.rg_dy = warp_sum(t.rg_dy);
  t.rg_dy_xh = warp_sum(t.rg_dy_xh);
  t.rg_dy_rx = warp_sum(t.rg_dy_rx);
  return t;
}

}  // namespace channel

// partial: of channel_sums, rgamma: k runs of channels or null, means: k x units x MEANS; a warp for each unit and
// direction.
KERNEL(channel_means)(const double* partial, const real* stats, const real* gamma, const real* rgamma,
                      index_t rgamma_stride, double* means, channel::Shape s, int k) {
  index_t warp = first_element() / WARP;
  int unit = (int)(warp % s.units());
  int direction = (int)(warp / s.units());
  if (direction >= k) {
    return;
  }
  channel::Sums sums(partial, s, direction);
  int count = s.owners() / s.units();
  channel::Totals t = channel::totals(sums, s, unit * count, count, gamma,
                                      rgamma ? rgamma + direction * rgamma_stride : nullptr);
  if (threadIdx.x % WARP > 0) {
    return;
  }
  double n = s.unit_size();
  double r = (double)stats[2 * unit + 1];
  double m = t.rx / n;
  double a = t.xh_rx / n - m * (t.xh / n);
  double dy_rxh = r * (t.g_dy_rx - m * t.g_dy - a * t.g_dy_xh);
  double* out = means + warp * channel::MEANS;
  out[channel::M] = m;
  out[channel::A] = a;
  out[channel::M1] = t.g_dy / n;
  out[channel::M2] = t.g_dy_xh / n;
  out[channel::RM1] = (t.rg_dy + t.g_rdy) / n;
  out[channel::RM2] = (t.rg_dy_xh + t.g_rdy_xh + dy_rxh) / n;
}

// means: null if statistics are given, dgamma, dbeta: k runs of channels, dbeta may be null; a warp for each channel
// and direction. The gradients, or their tangents.
KERNEL(channel_gradients)(const double* partial, const double* means, const real* stats, real* dgamma,
                          index_t dgamma_stride, real* dbeta, index_t dbeta_stride, channel::Shape s, int k,
                          int tangent) {
  index_t warp = first_element() / WARP;
  int c = (int)(warp % s.channels);
  int direction = (int)(warp / s.channels);
  if (direction >= k) {
    return;
  }
  channel::Sums sums(partial, s, direction);
  index_t count = (index_t)(s.statistics == channel::GROUP ? s.images : 1) * s.pieces;
  double gain = 0;
  double shift = 0;
  for (index_t j = threadIdx.x % WARP; j < count; j += WARP) {
    int owner = (int)(j / s.pieces) * s.channels + c;
    index_t piece = (index_t)owner * s.pieces + j % s.pieces;
    double dy = sums.of(channel::DY, piece);
    double dy_xh = sums.of(channel::DY_XH, piece);
    if (!tangent) {
      gain += dy_xh;
      shift += dy;
      continue;
    }
    int unit = s.unit(owner);
    const double* of = means ? means + ((index_t)direction * s.units() + unit) * channel::MEANS : nullptr;
    double m = of ? of[channel::M] : 0;
    double a = of ? of[channel::A] : 0;
    double dy_rxh = (double)stats[2 * unit + 1] * (sums.of(channel::DY_RX, piece) - m * dy - a * dy_xh);
    gain += sums.of(channel::RDY_XH, piece) + dy_rxh;
    shift += sums.of(channel::RDY, piece);
  }
  gain = warp_sum(gain);
  shift = warp_sum(shift);
  if (threadIdx.x % WARP > 0) {
    return;
  }
  real* to = dgamma + direction * dgamma_stride + c;
  *to = real((double)*to + gain);
  if (dbeta) {
    to = dbeta + direction * dbeta_stride + c;
    *to = real((double)*to + shift);
  }
}

// partial: of channel_sums, curvature: k x n, n units, or channels if statistics are given; a warp for each.
KERNEL(channel_curvature)(const double* partial, const real* stats, const real* gamma, const real* rgamma,
                          index_t rgamma_stride, double* curvature, channel::Shape s, int n, int k) {
  index_t warp = first_element() / WARP;
  int unit = (int)(warp % n);
  int direction = (int)(warp / n);
  if (direction >= k) {
    return;
  }
  channel::Sums sums(partial, s, direction);
  int count = s.owners() / n;
  channel::Totals t = channel::totals(sums, s, unit * count, count, gamma, rgamma + direction * rgamma_stride);
  if (threadIdx.x % WARP > 0) {
    return;
  }
  double r = (double)stats[2 * unit + 1];
  if (s.statistics == channel::GIVEN) {
    curvature[warp] = 2 * r * t.rg_dy_rx;
    return;
  }
  double elements = s.unit_size();
  double m = t.rx / elements;
  double a = t.xh_rx / elements - m * (t.xh / elements);
  double rr = -r * r * a;
  double rrr = 3 * rr * rr / r - r * r * r * (t.rx_rx / elements - m * m);
  curvature[warp] = 2 * r * (t.rg_dy_rx - m * t.rg_dy - a * t.rg_dy_xh) + 2 * rr * (t.g_dy_rx - m * t.g_dy) +
                    rrr / r * t.g_dy_xh;
}

// ---- what is written for every pixel

namespace channel {

// The pixels of a thread: `lanes` threads to a plane, SPAN units each, more chunks for larger planes. Blocks: groups of
// planes x chunks x directions.
constexpr int SPAN = 8;

template <int U>
struct Pixels {
  int plane, direction;
  int begin, end;
  index_t first;

  __device__ __forceinline__ Pixels(const Shape& s, int k, int lanes, int chunks) {
    index_t block = blockIdx.x / k;
    int chunk = (int)(block % chunks);
    int each = (int)blockDim.x / lanes;
    index_t index = block / chunks * each + threadIdx.x / lanes;
    direction = (int)(blockIdx.x % k);
    int units = s.size / U;
    begin = chunk * lanes * SPAN + threadIdx.x % lanes;
    end = min(units, (chunk + 1) * lanes * SPAN);
    // a plane that does not exist has no pixels
    if (index >= s.planes()) {
      end = 0;
    }
    plane = (int)(index < s.planes() ? index : 0);
    first = (index_t)plane * s.size;
  }

  __device__ __forceinline__ bool none() const { return begin >= end; }

  // Where this direction's tangents of the plane begin.
  __device__ __forceinline__ index_t tangents(const Shape& s) const {
    return (index_t)direction * s.planes() * s.size + first;
  }
};

// What is the same for all pixels of a plane and direction.
struct Constants {
  real mean, r, gain, m, a, m1, m2, rm1, rm2;

  __device__ __forceinline__ Constants(const Shape& s, int plane, int direction, const real* stats, const real* gamma,
                                       const double* means) {
    int unit = s.unit(plane);
    mean = stats[2 * unit];
    r = stats[2 * unit + 1];
    gain = gamma[plane % s.channels];
    const double* of = means ? means + ((index_t)direction * s.units() + unit) * MEANS : nullptr;
    m = of ? real(of[M]) : real(0);
    a = of ? real(of[A]) : real(0);
    m1 = of ? real(of[M1]) : real(0);
    m2 = of ? real(of[M2]) : real(0);
    rm1 = of ? real(of[RM1]) : real(0);
    rm2 = of ? real(of[RM2]) : real(0);
  }

  __device__ __forceinline__ real xh(real x) const { return (x - mean) * r; }
  // Tangent of xh.
  __device__ __forceinline__ real rxh(real xh, real rx) const { return r * (rx - m - xh * a); }
  // Adjoint of x.
  __device__ __forceinline__ real adjoint(real xh, real dy) const { return r * (gain * dy - m1 - xh * m2); }
};

template <int U>
__device__ __forceinline__ void forward(const real* x, const real* stats, const real* gamma, const real* beta, real* y,
                                        const Shape& s, int lanes, int chunks) {
  Pixels<U> pixels(s, 1, lanes, chunks);
  if (pixels.none()) {
    return;
  }
  Constants c(s, pixels.plane, 0, stats, gamma, nullptr);
  real shift = beta ? beta[pixels.plane % s.channels] : real(0);
  for (int u = pixels.begin; u < pixels.end; u += lanes) {
    index_t at = pixels.first + (index_t)u * U;
    Unit<U> v = load_unit<U>(x + at);
    for (int i = 0; i < U; i++) {
      v.v[i] = c.gain * c.xh(v.v[i]) + shift;
    }
    store_unit<U>(y + at, v);
  }
}

template <int U>
__device__ __forceinline__ void backward(const real* x, const real* stats, const real* gamma, const double* means,
                                         const real* dy, real* dx, const Shape& s, int lanes, int chunks, int add) {
  Pixels<U> pixels(s, 1, lanes, chunks);
  if (pixels.none()) {
    return;
  }
  Constants c(s, pixels.plane, 0, stats, gamma, means);
  for (int u = pixels.begin; u < pixels.end; u += lanes) {
    index_t at = pixels.first + (index_t)u * U;
    Unit<U> v = load_unit<U>(x + at);
    Unit<U> adjoint = load_unit<U>(dy + at);
    for (int i = 0; i < U; i++) {
      v.v[i] = c.adjoint(c.xh(v.v[i]), adjoint.v[i]);
    }
    put_unit<U>(dx + at, v, add);
  }
}

template <int U>
__device__ __forceinline__ void tangent(const real* x, const real* stats, const real* gamma, const double* means,
                                        const real* rx, const real* rgamma, index_t rgamma_stride, const real* rbeta,
                                        index_t rbeta_stride, real* ry, const Shape& s, int k, int lanes, int chunks) {
  Pixels<U> pixels(s, k, lanes, chunks);
  if (pixels.none()) {
    return;
  }
  Constants c(s, pixels.plane, pixels.direction, stats, gamma, means);
  int channel = pixels.plane % s.channels;
  real rgain = rgamma[pixels.direction * rgamma_stride + channel];
  real rshift = rbeta ? rbeta[pixels.direction * rbeta_stride + channel] : real(0);
  index_t tangents = pixels.tangents(s);
  for (int u = pixels.begin; u < pixels.end; u += lanes) {
    index_t at = (index_t)u * U;
    Unit<U> v = load_unit<U>(x + pixels.first + at);
    Unit<U> t = {};
    if (rx) {
      t = load_unit<U>(rx + tangents + at);
    }
    for (int i = 0; i < U; i++) {
      real xh = c.xh(v.v[i]);
      real rxh = rx ? c.rxh(xh, t.v[i]) : real(0);
      v.v[i] = rgain * xh + c.gain * rxh + rshift;
    }
    store_unit<U>(ry + tangents + at, v);
  }
}

template <int U>
__device__ __forceinline__ void tangent_backward(const real* x, const real* stats, const real* gamma,
                                                 const double* means, const real* dy, const real* rx,
                                                 const real* rgamma, index_t rgamma_stride, const real* rdy, real* rdx,
                                                 const Shape& s, int k, int lanes, int chunks, int add) {
  Pixels<U> pixels(s, k, lanes, chunks);
  if (pixels.none()) {
    return;
  }
  Constants c(s, pixels.plane, pixels.direction, stats, gamma, means);
  real rgain = rgamma[pixels.direction * rgamma_stride + pixels.plane % s.channels];
  real relative = -c.r * c.a;
  index_t tangents = pixels.tangents(s);
  for (int u = pixels.begin; u < pixels.end; u += lanes) {
    index_t at = (index_t)u * U;
    Unit<U> v = load_unit<U>(x + pixels.first + at);
    Unit<U> adjoint = load_unit<U>(dy + pixels.first + at);
    Unit<U> both = load_unit<U>(rdy + tangents + at);
    Unit<U> t = {};
    if (rx) {
      t = load_unit<U>(rx + tangents + at);
    }
    for (int i = 0; i < U; i++) {
      real xh = c.xh(v.v[i]);
      real rxh = rx ? c.rxh(xh, t.v[i]) : real(0);
      real rdxh = rgain * adjoint.v[i] + c.gain * both.v[i];
      v.v[i] = relative * c.adjoint(xh, adjoint.v[i]) + c.r * (rdxh - c.rm1 - rxh * c.m2 - xh * c.rm2);
    }
    put_unit<U>(rdx + tangents + at, v, add);
  }
}

}  // namespace channel

// x, y: planes x size, beta may be null.
KERNEL(channel_forward)(const real* x, const real* stats, const real* gamma, const real* beta, real* y,
                        channel::Shape s, int lanes, int chunks, int packed) {
  if (packed) {
    channel::forward<PACK>(x, stats, gamma, beta, y, s, lanes, chunks);
  } else {
    channel::forward<1>(x, stats, gamma, beta, y, s, lanes, chunks);
  }
}

// x, dy, dx: planes x size, means: units x MEANS, or null if statistics are given.
KERNEL(channel_backward)(const real* x, const real* stats, const real* gamma, const double* means, const real* dy,
                         real* dx, channel::Shape s, int lanes, int chunks, int packed, int add) {
  if (packed) {
    channel::backward<PACK>(x, stats, gamma, means, dy, dx, s, lanes, chunks, add);
  } else {
    channel::backward<1>(x, stats, gamma, means, dy, dx, s, lanes, chunks, add);
  }
}

// x: planes x size, rx, ry: k x planes x size, rx may be null, rgamma, rbeta: k runs of channels, rbeta may be null.
KERNEL(channel_tangent)(const real* x, const real* stats, const real* gamma, const double* means, const real* rx,
                        const real* rgamma, index_t rgamma_stride, const real* rbeta, index_t rbeta_stride, real* ry,
                        channel::Shape s, int k, int lanes, int chunks, int packed) {
  if (packed) {
    channel::tangent<PACK>(x, stats, gamma, means, rx, rgamma, rgamma_stride, rbeta, rbeta_stride, ry, s, k, lanes,
                           chunks);
  } else {
    channel::tangent<1>(x, stats, gamma, means, rx, rgamma, rgamma_stride, rbeta, rbeta_stride, ry, s, k, lanes,
                        chunks);
  }
}

// x, dy: planes x size, rx, rdy, rdx: k x planes x size, rx may be null, rgamma: k runs of channels.
KERNEL(channel_tangent_backward)(const real* x, const real* stats, const real* gamma, const double* means,
                                 const real* dy, const real* rx, const real* rgamma, index_t rgamma_stride,
                                 const real* rdy, real* rdx, channel::Shape s, int k, int lanes, int chunks, int packed,
                                 int add) {
  if (packed) {
    channel::tangent_backward<PACK>(x, stats, gamma, means, dy, rx, rgamma, rgamma_stride, rdy, rdx, s, k, lanes,
                                    chunks, add);
  } else {
    channel::tangent_backward<1>(x, stats, gamma, means, dy, rx, rgamma, rgamma_stride, rdy, rdx, s, k, lanes, chunks,
                                 add);
  }
}
