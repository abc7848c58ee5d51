// Copies and sums along any strides, and selections.
#include "units.cuh"

namespace strides {

// The axes of a walk: first those that move in the destination, the fastest last, then those that are summed, the
// fastest in the source last.
template <int N>
struct Axes {
  index_t extent[N];
  index_t from[N];
  index_t to[N];
  int kept;
  int summed;
};

// Enough for what networks do, and for every walk there can be: axes have two steps at least.
typedef Axes<6> FewAxes;
typedef Axes<62> AllAxes;

struct Place {
  index_t from;
  index_t to;
};

// Where index `at` of the axes `begin` to `end` is, the last one running fastest.
template <int N>
__device__ __forceinline__ Place place(const Axes<N>& axes, int begin, int end, index_t at) {
  Place p = {0, 0};
  for (int a = end - 1; a > begin; a--) {
    index_t rest = at / axes.extent[a];
    index_t i = at - rest * axes.extent[a];
    p.from += i * axes.from[a];
    p.to += i * axes.to[a];
    at = rest;
  }
  if (end > begin) {
    p.from += at * axes.from[begin];
    p.to += at * axes.to[begin];
  }
  return p;
}

__device__ __forceinline__ real scaled(double scale, double x) { return real(scale * x); }

// The fastest axis is in units of U elements, side by side on both sides if U is not 1.
template <int U, int N>
__device__ __forceinline__ void copy(const real* from, real* to, index_t n, double scale, int add,
                                     const Axes<N>& axes) {
  for (index_t at = first_element(); at < n; at += element_step()) {
    Place p = place(axes, 0, axes.kept, at);
    Unit<U> v = load_unit<U>(from + p.from);
    if (scale != 1) {
      for (int i = 0; i < U; i++) {
        v.v[i] = scaled(scale, (double)v.v[i]);
      }
    }
    put_unit<U>(to + p.to, v, add);
  }
}

// A block of 256 threads gives `lanes` of them to each of its outputs; lane l adds up terms l, l + lanes, .. of a chunk.
// `apart`: neighbouring threads take neighbouring outputs, not neighbouring terms. Chunks and lanes follow from the
// number of terms alone.
template <int N>
__device__ __forceinline__ void sum(const real* from, real* to, index_t outputs, index_t terms, int lanes, int apart,
                                    int chunks, double* partial, double scale, int add, const Axes<N>& axes,
                                    double* sums) {
  int each = (int)blockDim.x / lanes;
  int local = apart ? threadIdx.x % each : threadIdx.x / lanes;
  int lane = apart ? threadIdx.x / each : threadIdx.x % lanes;
  index_t chunk = blockIdx.x % chunks;
  index_t output = (index_t)(blockIdx.x / chunks) * each + local;
  index_t size = (terms + chunks - 1) / chunks;
  index_t end = (chunk + 1) * size < terms ? (chunk + 1) * size : terms;
  Place p = {0, 0};
  double total = 0;
  if (output < outputs) {
    p = place(axes, 0, axes.kept, output);
    const real* begin = from + p.from;
    if (axes.summed == 1) {
      index_t stride = axes.from[axes.kept];
#pragma unroll 4
      for (index_t t = chunk * size + lane; t < end; t += lanes) {
        total += (double)begin[t * stride];
      }
    } else {
      for (index_t t = chunk * size + lane; t < end; t += lanes) {
        total += (double)begin[place(axes, axes.kept, axes.kept + axes.summed, t).from];
      }
    }
  }
  int slot = lane * each + local;
  sums[slot] = total;
  __syncthreads();
  for (int half = lanes / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[slot] += sums[slot + half * each];
    }
    __syncthreads();
  }
  if (lane > 0 || output >= outputs) {
    return;
  }
  if (chunks == 1) {
    put(to, p.to, scaled(scale, sums[slot]), add);
  } else {
    partial[chunk * outputs + output] = sums[slot];
  }
}

template <int N>
__device__ __forceinline__ void finish(const double* partial, int chunks, index_t outputs, real* to, double scale,
                                       int add, const Axes<N>& axes) {
  for (index_t output = first_element(); output < outputs; output += element_step()) {
    double total = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      total += partial[chunk * outputs + output];
    }
    put(to, place(axes, 0, axes.kept, output).to, scaled(scale, total), add);
  }
}

}  // namespace strides

// from, to: anywhere, n units reached by the axes.
KERNEL(strides_copy)(const real* from, real* to, index_t n, double scale, int packed, int add, strides::FewAxes axes) {
  if (packed) {
    strides::copy<PACK>(from, to, n, scale, add, axes);
  } else {
    strides::copy<1>(from, to, n, scale, add, axes);
  }
}

KERNEL(strides_copy_all)(const real* from, real* to, index_t n, double scale, int packed, int add,
                         strides::AllAxes axes) {
  if (packed) {
    strides::copy<PACK>(from, to, n, scale, add, axes);
  } else {
    strides::copy<1>(from, to, n, scale, add, axes);
  }
}

namespace strides {

// Side of a tile; Strides.TILE in Java.
constexpr int TILE = 32;

}  // namespace strides

// Copies matrices whose rows lie apart on one side and whose columns lie apart on the other, by tiles of 32 x 32:
// `down` runs with step 1 in the source and `to_step` in the destination, `across` with `from_step` and 1. The axes say
// where the matrices are; blocks: matrices x tiles down x tiles across, of 32 x 8 threads.
KERNEL(strides_transpose)(const real* from, real* to, index_t down, index_t to_step, index_t across, index_t from_step,
                          double scale, int add, strides::FewAxes axes) {
  __shared__ real tile[strides::TILE][strides::TILE + 1];
  index_t tiles_across = (across + strides::TILE - 1) / strides::TILE;
  index_t tiles_down = (down + strides::TILE - 1) / strides::TILE;
  index_t left = blockIdx.x % tiles_across * strides::TILE;
  index_t top = blockIdx.x / tiles_across % tiles_down * strides::TILE;
  strides::Place p = strides::place(axes, 0, axes.kept, blockIdx.x / tiles_across / tiles_down);
  int lane = threadIdx.x % strides::TILE;
  int line = threadIdx.x / strides::TILE;
  int lines = (int)blockDim.x / strides::TILE;
  for (int i = line; i < strides::TILE; i += lines) {
    if (left + i < across && top + lane < down) {
      tile[i][lane] = from[p.from + (left + i) * from_step + top + lane];
    }
  }
  __syncthreads();
  for (int i = line; i < strides::TILE; i += lines) {
    if (top + i < down && left + lane < across) {
      real v = tile[lane][i];
      put(to, p.to + (top + i) * to_step + left + lane, scale == 1 ? v : strides::scaled(scale, (double)v), add);
    }
  }
}

// partial: chunks x outputs; blocks: groups of outputs x chunks of terms. A single chunk goes straight to its place.
KERNEL(strides_sum)(const real* from, real* to, index_t outputs, index_t terms, int lanes, int apart, int chunks,
                    double* partial, double scale, int add, strides::FewAxes axes) {
  __shared__ double sums[256];
  strides::sum(from, to, outputs, terms, lanes, apart, chunks, partial, scale, add, axes, sums);
}

KERNEL(strides_sum_all)(const real* from, real* to, index_t outputs, index_t terms, int lanes, int apart, int chunks,
                        double* partial, double scale, int add, strides::AllAxes axes) {
  __shared__ double sums[256];
  strides::sum(from, to, outputs, terms, lanes, apart, chunks, partial, scale, add, axes, sums);
}

// partial: chunks x outputs.
KERNEL(strides_finish)(const double* partial, int chunks, index_t outputs, real* to, double scale, int add,
                       strides::FewAxes axes) {
  strides::finish(partial, chunks, outputs, to, scale, add, axes);
}

KERNEL(strides_finish_all)(const double* partial, int chunks, index_t outputs, real* to, double scale, int add,
                           strides::AllAxes axes) {
  strides::finish(partial, chunks, outputs, to, scale, add, axes);
}

// ---- selections

namespace strides {

template <int U>
__device__ __forceinline__ void select(index_t n, const real* mask, const real* a, const real* b, real* y, int add) {
  index_t first = blockIdx.y * n;
  for (index_t unit = first_element(); unit < n / U; unit += element_step()) {
    index_t at = unit * U;
    Unit<U> m = load_unit<U>(mask + at);
    Unit<U> v = {};
    Unit<U> w = {};
    if (a) {
      v = load_unit<U>(a + first + at);
    }
    if (b) {
      w = load_unit<U>(b + first + at);
    }
    for (int i = 0; i < U; i++) {
      v.v[i] = m.v[i] != 0 ? v.v[i] : w.v[i];
    }
    put_unit<U>(y + first + at, v, add);
  }
}

template <int U>
__device__ __forceinline__ void compare(int greater, index_t n, const real* a, const real* b, real* mask) {
  for (index_t unit = first_element(); unit < n / U; unit += element_step()) {
    Unit<U> v = load_unit<U>(a + unit * U);
    Unit<U> w = load_unit<U>(b + unit * U);
    for (int i = 0; i < U; i++) {
      bool holds = greater ? v.v[i] > w.v[i] : v.v[i] < w.v[i];
      v.v[i] = real(holds || v.v[i] != v.v[i]);
    }
    store_unit<U>(mask + unit * U, v);
  }
}

}  // namespace strides

// mask: n, a, b: k x n or null for zero, y: k x n; directions along y.
KERNEL(strides_select)(index_t n, const real* mask, const real* a, const real* b, real* y, int packed, int add) {
  if (packed) {
    strides::select<PACK>(n, mask, a, b, y, add);
  } else {
    strides::select<1>(n, mask, a, b, y, add);
  }
}

// a, b, mask: n.
KERNEL(strides_compare)(int greater, index_t n, const real* a, const real* b, real* mask, int packed) {
  if (packed) {
    strides::compare<PACK>(greater, n, a, b, mask);
  } else {
    strides::compare<1>(greater, n, a, b, mask);
  }
}
