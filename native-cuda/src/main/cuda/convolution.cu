// Convolutions: what goes before and after the products, and those with one channel a group, which are no products.
#include "units.cuh"

namespace conv {

struct Shape {
  int channels, outputs, groups;
  int height, width;
  int kernel_y, kernel_x;
  int stride_y, stride_x;
  int before_y, before_x;
  int dilation_y, dilation_x;
  int out_y, out_x;

  __device__ __forceinline__ int in_plane() const { return height * width; }
  __device__ __forceinline__ int places() const { return out_y * out_x; }
  __device__ __forceinline__ int elements() const { return kernel_y * kernel_x; }
  __device__ __forceinline__ index_t in_size() const { return (index_t)channels * in_plane(); }
  __device__ __forceinline__ index_t out_size() const { return (index_t)outputs * places(); }
};

// Some consecutive images of some directions; image m is number `from` + m % count of direction m / count.
struct Images {
  index_t stride;
  int from, count;
  index_t directions;

  __device__ __forceinline__ index_t total() const { return count * directions; }
  __device__ __forceinline__ index_t start(index_t m, index_t size) const {
    return m / count * stride + (from + m % count) * size;
  }
};

// The window whose element is at `pixel`, counted from the first padded one; -1 if there is none.
__device__ __forceinline__ int window(int pixel, int stride, int count) {
  if (pixel < 0) {
    return -1;
  }
  int o = stride == 1 ? pixel : pixel / stride;
  return o < count && o * stride == pixel ? o : -1;
}

}  // namespace conv

// x: images, seen: for every place what it sees, rows of (channel, element); element (m, row, place) is at m / count
// direction_step + m % count image_step + row row_step + place. Blocks: channels x places, images along y.
KERNEL(conv_columns)(const real* x, conv::Images images, real* seen, index_t direction_step, index_t image_step,
                     index_t row_step, conv::Shape s) {
  index_t n = (index_t)s.channels * s.places();
  for (index_t m = blockIdx.y; m < images.total(); m += gridDim.y) {
    const real* image = x + images.start(m, s.in_size());
    real* columns = seen + m / images.count * direction_step + m % images.count * image_step;
    for (index_t at = first_element(); at < n; at += element_step()) {
      int channel = (int)(at / s.places());
      int place = (int)(at % s.places());
      int top = place / s.out_x * s.stride_y - s.before_y;
      int left = place % s.out_x * s.stride_x - s.before_x;
      const real* plane = image + (index_t)channel * s.in_plane();
      real* to = columns + (index_t)channel * s.elements() * row_step + place;
      for (int i = 0; i < s.kernel_y; i++) {
        int y = top + i * s.dilation_y;
        for (int j = 0; j < s.kernel_x; j++) {
          int px = left + j * s.dilation_x;
          bool inside = y >= 0 && y < s.height && px >= 0 && px < s.width;
          *to = inside ? plane[y * s.width + px] : real(0);
          to += row_step;
        }
      }
    }
  }
}

// Transpose of conv_columns, images side by side in seen: every pixel adds up what was seen of it, element by element.
KERNEL(conv_pixels)(const real* seen, real* dx, conv::Images images, conv::Shape s, int add) {
  for (index_t m = blockIdx.y; m < images.total(); m += gridDim.y) {
    const real* columns = seen + m * s.channels * s.elements() * s.places();
    real* image = dx + images.start(m, s.in_size());
    for (index_t at = first_element(); at < s.in_size(); at += element_step()) {
      int channel = (int)(at / s.in_plane());
      int pixel = (int)(at % s.in_plane());
      int bottom = pixel / s.width + s.before_y;
      int right = pixel % s.width + s.before_x;
      const real* from = columns + (index_t)channel * s.elements() * s.places();
      double sum = 0;
      for (int i = 0; i < s.kernel_y; i++) {
        int p = conv::window(bottom - i * s.dilation_y, s.stride_y, s.out_y);
        for (int j = 0; p >= 0 && j < s.kernel_x; j++) {
          int q = conv::window(right - j * s.dilation_x, s.stride_x, s.out_x);
          if (q >= 0) {
            sum += (double)from[(index_t)(i * s.kernel_x + j) * s.places() + p * s.out_x + q];
          }
        }
      }
      put(image, at, real(sum), add);
    }
  }
}

// dy: images, turned: directions x outputs x count x places.
KERNEL(conv_turn)(const real* dy, conv::Images images, real* turned, int outputs, int places) {
  index_t n = (index_t)outputs * places;
  for (index_t m = blockIdx.y; m < images.total(); m += gridDim.y) {
    const real* from = dy + images.start(m, n);
    index_t direction = m / images.count;
    index_t image = m % images.count;
    for (index_t at = first_element(); at < n; at += element_step()) {
      index_t row = direction * outputs + at / places;
      turned[(row * images.count + image) * places + at % places] = from[at];
    }
  }
}

namespace conv {

template <int U>
__device__ __forceinline__ void bias(const real* shifts, real* y, index_t n, int outputs, int places, int add) {
  for (index_t unit = first_element(); unit < n / U; unit += element_step()) {
    real shift = shifts[unit / (places / U) % outputs];
    Unit<U> v;
    for (int i = 0; i < U; i++) {
      v.v[i] = shift;
    }
    put_unit<U>(y + unit * U, v, add);
  }
}

}  // namespace conv

// bias: k runs of outputs, y: k x n, n = images x outputs x places; directions along y. y (+)= bias.
KERNEL(conv_bias)(const real* bias, index_t bias_stride, real* y, index_t n, int outputs, int places, int packed,
                  int add) {
  const real* shifts = bias + blockIdx.y * bias_stride;
  real* to = y + blockIdx.y * n;
  if (packed) {
    conv::bias<PACK>(shifts, to, n, outputs, places, add);
  } else {
    conv::bias<1>(shifts, to, n, outputs, places, add);
  }
}

namespace conv {

// The sum of a block for output `row` of a gradient: added to the gradient if there is one chunk, else kept.
__device__ __forceinline__ void finish(double sum, index_t row, int chunk, int chunks, double* partial, real* gradient) {
  sum = block_sum(sum);
  if (threadIdx.x > 0) {
    return;
  }
  if (chunks == 1) {
    gradient[row] = real((double)gradient[row] + sum);
  } else {
    partial[row * chunks + chunk] = sum;
  }
}

}  // namespace conv

// dy: k runs of images x outputs x places, partial: k x outputs x chunks, dbias: k runs of outputs; blocks: outputs x
// chunks of images and places, directions along y.
KERNEL(conv_bias_sums)(const real* dy, index_t dy_stride, int images, int outputs, int places, int chunks,
                       double* partial, real* dbias, index_t dbias_stride) {
  int chunk = (int)(blockIdx.x % chunks);
  int output = (int)(blockIdx.x / chunks);
  index_t n = (index_t)images * places;
  index_t each = (n + chunks - 1) / chunks;
  index_t end = (chunk + 1) * each < n ? (chunk + 1) * each : n;
  const real* from = dy + blockIdx.y * dy_stride + (index_t)output * places;
  double sum = 0;
#pragma unroll 4
  for (index_t at = chunk * each + threadIdx.x; at < end; at += blockDim.x) {
    sum += (double)from[at / places * outputs * places + at % places];
  }
  conv::finish(sum, output, chunk, chunks, partial + (index_t)blockIdx.y * outputs * chunks,
               dbias + blockIdx.y * dbias_stride);
}

// partial: k x n x chunks, out: k runs of n, added to.
KERNEL(conv_finish_sums)(const double* partial, index_t n, int chunks, real* out, index_t out_stride) {
  const double* mine = partial + blockIdx.y * n * chunks;
  real* to = out + blockIdx.y * out_stride;
  for (index_t at = first_element(); at < n; at += element_step()) {
    double sum = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      sum += mine[at * chunks + chunk];
    }
    to[at] = real((double)to[at] + sum);
  }
}

// ---- one channel a group

// x, w, bias: runs, y: k x images x outputs x places; each place on its own, directions along y.
KERNEL(conv_single)(const real* x, index_t x_stride, const real* w, index_t w_stride, const real* bias,
                    index_t bias_stride, real* y, int images, conv::Shape s, int add) {
  index_t n = images * s.out_size();
  for (index_t at = first_element(); at < n; at += element_step()) {
    int place = (int)(at % s.places());
    index_t plane = at / s.places();
    int output = (int)(plane % s.outputs);
    index_t seen = plane / s.outputs * s.channels + output / (s.outputs / s.groups);
    int top = place / s.out_x * s.stride_y - s.before_y;
    int left = place % s.out_x * s.stride_x - s.before_x;
    const real* from = x + blockIdx.y * x_stride + seen * s.in_plane();
    const real* weights = w + blockIdx.y * w_stride + (index_t)output * s.elements();
    double sum = bias ? (double)bias[blockIdx.y * bias_stride + output] : 0;
    for (int i = 0; i < s.kernel_y; i++) {
      int py = top + i * s.dilation_y;
      for (int j = 0; py >= 0 && py < s.height && j < s.kernel_x; j++) {
        int px = left + j * s.dilation_x;
        if (px >= 0 && px < s.width) {
          sum += (double)weights[i * s.kernel_x + j] * (double)from[py * s.width + px];
        }
      }
    }
    put(y, blockIdx.y * n + at, real(sum), add);
  }
}

// dy, w: runs, dx: k x images x channels x pixels; each pixel on its own, directions along y.
KERNEL(conv_single_input)(const real* dy, index_t dy_stride, const real* w, index_t w_stride, real* dx, int images,
                          conv::Shape s, int add) {
  index_t n = images * s.in_size();
  int each = s.outputs / s.groups;
  for (index_t at = first_element(); at < n; at += element_step()) {
    int pixel = (int)(at % s.in_plane());
    index_t plane = at / s.in_plane();
    int output = (int)(plane % s.channels) * each;
    int bottom = pixel / s.width + s.before_y;
    int right = pixel % s.width + s.before_x;
    const real* weights = w + blockIdx.y * w_stride + (index_t)output * s.elements();
    const real* from = dy + blockIdx.y * dy_stride + (plane / s.channels * s.outputs + output) * s.places();
    double sum = 0;
    for (int i = 0; i < s.kernel_y; i++) {
      int p = conv::window(bottom - i * s.dilation_y, s.stride_y, s.out_y);
      for (int j = 0; p >= 0 && j < s.kernel_x; j++) {
        int q = conv::window(right - j * s.dilation_x, s.stride_x, s.out_x);
        for (int o = 0; q >= 0 && o < each; o++) {
          sum += (double)weights[o * s.elements() + i * s.kernel_x + j] *
                 (double)from[(index_t)o * s.places() + p * s.out_x + q];
        }
      }
    }
    put(dx, blockIdx.y * n + at, real(sum), add);
  }
}

// x, dy: runs, partial: k x weights x chunks, dw: k runs of weights; blocks: weights x chunks of images and places,
// directions along y.
KERNEL(conv_single_weight)(const real* x, index_t x_stride, const real* dy, index_t dy_stride, int images, int chunks,
                           double* partial, real* dw, index_t dw_stride, conv::Shape s) {
  int chunk = (int)(blockIdx.x % chunks);
  int weight = (int)(blockIdx.x / chunks);
  int output = weight / s.elements();
  int shift_y = weight % s.elements() / s.kernel_x * s.dilation_y - s.before_y;
  int shift_x = weight % s.kernel_x * s.dilation_x - s.before_x;
  const real* adjoints = dy + blockIdx.y * dy_stride + (index_t)output * s.places();
  const real* pixels = x + blockIdx.y * x_stride + (index_t)(output / (s.outputs / s.groups)) * s.in_plane();
  index_t n = (index_t)images * s.places();
  index_t each = (n + chunks - 1) / chunks;
  index_t end = (chunk + 1) * each < n ? (chunk + 1) * each : n;
  double sum = 0;
  for (index_t at = chunk * each + threadIdx.x; at < end; at += blockDim.x) {
    index_t image = at / s.places();
    int place = (int)(at % s.places());
    int py = place / s.out_x * s.stride_y + shift_y;
    int px = place % s.out_x * s.stride_x + shift_x;
    if (py >= 0 && py < s.height && px >= 0 && px < s.width) {
      sum += (double)adjoints[image * s.out_size() + place] * (double)pixels[image * s.in_size() + py * s.width + px];
    }
  }
  index_t weights = (index_t)s.outputs * s.elements();
  conv::finish(sum, weight, chunk, chunks, partial + blockIdx.y * weights * chunks, dw + blockIdx.y * dw_stride);
}
