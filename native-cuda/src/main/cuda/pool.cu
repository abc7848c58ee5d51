// Pooling: planes that are reduced window by window.
#include "dynaxx.cuh"

namespace pool {

// The windows along an axis: sliding in steps if `step` is not 0, else `count` that cover the axis evenly.
struct Windows {
  int size, count;
  int kernel, step, before;

  // First pixel of window o in the image, and the one after its last.
  __device__ __forceinline__ int begin(int o) const {
    return step ? max(0, o * step - before) : (int)((index_t)o * size / count);
  }
  __device__ __forceinline__ int end(int o) const {
    return step ? min(size, o * step - before + kernel) : (int)(((index_t)(o + 1) * size + count - 1) / count);
  }
  // Pixels of a window with what lies outside the image.
  __device__ __forceinline__ int extent(int o) const { return step ? kernel : end(o) - begin(o); }

  // First window that reaches a pixel, and the one after the last.
  __device__ __forceinline__ int first(int pixel) const {
    if (!step) {
      return (int)((index_t)pixel * count / size);
    }
    int behind = pixel + before - kernel;
    return behind < 0 ? 0 : behind / step + 1;
  }
  __device__ __forceinline__ int last(int pixel) const {
    if (!step) {
      return (int)((((index_t)pixel + 1) * count - 1) / size) + 1;
    }
    return min(count, (pixel + before) / step + 1);
  }
};

struct Shape {
  Windows y, x;

  __device__ __forceinline__ int in_plane() const { return y.size * x.size; }
  __device__ __forceinline__ int out_plane() const { return y.count * x.count; }

  // What the sum over window (p, q) is divided by.
  __device__ __forceinline__ double pixels(int p, int q, int padding) const {
    return padding ? (double)y.extent(p) * x.extent(q)
                   : (double)(y.end(p) - y.begin(p)) * (x.end(q) - x.begin(q));
  }
};

}  // namespace pool

// x: planes x pixels, y, index: planes x windows, n = planes x windows.
KERNEL(pool_max)(const real* x, real* y, real* index, index_t n, pool::Shape s) {
  for (index_t at = first_element(); at < n; at += element_step()) {
    int window = (int)(at % s.out_plane());
    int p = window / s.x.count;
    int q = window % s.x.count;
    const real* plane = x + at / s.out_plane() * s.in_plane();
    int left = s.x.begin(q);
    int right = s.x.end(q);
    int best = s.y.begin(p) * s.x.size + left;
    real most = plane[best];
    for (int row = s.y.begin(p); row < s.y.end(p); row++) {
      for (int pixel = row * s.x.size + left; pixel < row * s.x.size + right; pixel++) {
        real v = plane[pixel];
        // negated, so that NaN is taken, and kept
        if (!(v <= most) && most == most) {
          best = pixel;
          most = v;
        }
      }
    }
    y[at] = most;
    index[at] = real(best);
  }
}

// index: n, x: k x planes x pixels, y: k x n, n = planes x windows; directions along y.
KERNEL(pool_pick)(const real* index, const real* x, real* y, index_t n, pool::Shape s) {
  index_t pixels = n / s.out_plane() * s.in_plane();
  const real* from = x + blockIdx.y * pixels;
  for (index_t at = first_element(); at < n; at += element_step()) {
    y[blockIdx.y * n + at] = from[at / s.out_plane() * s.in_plane() + (index_t)index[at]];
  }
}

// index: planes x windows, dy: k times that, dx: k x n, n = planes x pixels; directions along y. A pixel asks the
// windows that reach it, in reading order, whether they took it.
KERNEL(pool_pick_backward)(const real* index, const real* dy, real* dx, index_t n, pool::Shape s, int add) {
  index_t windows = n / s.in_plane() * s.out_plane();
  for (index_t at = first_element(); at < n; at += element_step()) {
    int pixel = (int)(at % s.in_plane());
    int row = pixel / s.x.size;
    int col = pixel % s.x.size;
    index_t plane = at / s.in_plane() * s.out_plane();
    const real* taken = index + plane;
    const real* adjoints = dy + blockIdx.y * windows + plane;
    double sum = 0;
    for (int p = s.y.first(row); p < s.y.last(row); p++) {
      for (int q = s.x.first(col); q < s.x.last(col); q++) {
        int window = p * s.x.count + q;
        if (taken[window] == real(pixel)) {
          sum += (double)adjoints[window];
        }
      }
    }
    put(dx, blockIdx.y * n + at, real(sum), add);
  }
}

// x: planes x pixels, y: n = planes x windows. `lanes` threads share a window, 1 or a warp, by the size of windows.
KERNEL(pool_average)(const real* x, real* y, index_t n, pool::Shape s, int padding, int lanes) {
  index_t step = element_step() / lanes;
  int lane = threadIdx.x % lanes;
  for (index_t at = first_element() / lanes; at < n; at += step) {
    int window = (int)(at % s.out_plane());
    int p = window / s.x.count;
    int q = window % s.x.count;
    const real* plane = x + at / s.out_plane() * s.in_plane();
    int top = s.y.begin(p);
    int left = s.x.begin(q);
    int width = s.x.end(q) - left;
    int pixels = (s.y.end(p) - top) * width;
    double sum = 0;
    if (lanes == 1) {
      for (int row = top; row < s.y.end(p); row++) {
        for (int col = left; col < left + width; col++) {
          sum += (double)plane[row * s.x.size + col];
        }
      }
    } else {
      for (int i = lane; i < pixels; i += lanes) {
        sum += (double)plane[(top + i / width) * s.x.size + left + i % width];
      }
      sum = warp_sum(sum);
    }
    if (lane == 0) {
      y[at] = real(sum / s.pixels(p, q, padding));
    }
  }
}

// dy: planes x windows, dx: n = planes x pixels.
KERNEL(pool_average_backward)(const real* dy, real* dx, index_t n, pool::Shape s, int padding, int add) {
  for (index_t at = first_element(); at < n; at += element_step()) {
    int pixel = (int)(at % s.in_plane());
    int row = pixel / s.x.size;
    int col = pixel % s.x.size;
    const real* adjoints = dy + at / s.in_plane() * s.out_plane();
    double sum = 0;
    for (int p = s.y.first(row); p < s.y.last(row); p++) {
      for (int q = s.x.first(col); q < s.x.last(col); q++) {
        sum += (double)adjoints[p * s.x.count + q] / s.pixels(p, q, padding);
      }
    }
    put(dx, at, real(sum), add);
  }
}
