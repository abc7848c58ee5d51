// Copies, sums and lookups of whole rows.
#include "units.cuh"

namespace rows {

template <int U>
__device__ __forceinline__ void add_row(const real* x, const real* w, index_t w_stride, real* y, index_t rows,
                                        index_t cols, int lanes) {
  RowPlace<U> at(cols, lanes);
  if (at.col >= cols) {
    return;
  }
  index_t first = blockIdx.y * rows;
  Unit<U> added = load_unit<U>(w + blockIdx.y * w_stride + at.col);
  for (index_t row = at.row; row < rows; row += at.step) {
    index_t to = (first + row) * cols + at.col;
    Unit<U> v = added;
    if (x) {
      Unit<U> old = load_unit<U>(x + to);
      for (int i = 0; i < U; i++) {
        v.v[i] += old.v[i];
      }
    }
    store_unit<U>(y + to, v);
  }
}

template <int U>
__device__ __forceinline__ void copy_rows(const real* from, index_t from_stride, real* to, index_t to_stride,
                                          index_t rows, index_t cols, int lanes, int add) {
  RowPlace<U> at(cols, lanes);
  if (at.col >= cols) {
    return;
  }
  for (index_t row = at.row; row < rows; row += at.step) {
    put_unit<U>(to + row * to_stride + at.col, load_unit<U>(from + row * from_stride + at.col), add);
  }
}

template <int U>
__device__ __forceinline__ void mean_backward(const real* dy, real* dx, index_t rows, int each, index_t cols, int lanes,
                                              int add) {
  RowPlace<U> at(cols, lanes);
  if (at.col >= cols) {
    return;
  }
  for (index_t row = at.row; row < rows; row += at.step) {
    Unit<U> v = load_unit<U>(dy + row / each * cols + at.col);
    for (int i = 0; i < U; i++) {
      v.v[i] /= real(each);
    }
    put_unit<U>(dx + row * cols + at.col, v, add);
  }
}

template <int U>
__device__ __forceinline__ void gather(const real* ids, const real* table, index_t table_stride, real* y, index_t rows,
                                       index_t cols, int lanes) {
  RowPlace<U> at(cols, lanes);
  if (at.col >= cols) {
    return;
  }
  const real* from = table + blockIdx.y * table_stride + at.col;
  real* to = y + blockIdx.y * rows * cols + at.col;
  for (index_t row = at.row; row < rows; row += at.step) {
    store_unit<U>(to + row * cols, load_unit<U>(from + (index_t)ids[row] * cols));
  }
}

}  // namespace rows

// x, y: k x rows x cols or x null, w: k runs of cols; directions along y.
KERNEL(rows_add_row)(const real* x, const real* w, index_t w_stride, real* y, index_t rows, index_t cols, int lanes,
                     int packed) {
  if (packed) {
    rows::add_row<PACK>(x, w, w_stride, y, rows, cols, lanes);
  } else {
    rows::add_row<1>(x, w, w_stride, y, rows, cols, lanes);
  }
}

// from, to: rows x cols, each with its pitch.
KERNEL(rows_copy)(const real* from, index_t from_stride, real* to, index_t to_stride, index_t rows, index_t cols,
                  int lanes, int packed, int add) {
  if (packed) {
    rows::copy_rows<PACK>(from, from_stride, to, to_stride, rows, cols, lanes, add);
  } else {
    rows::copy_rows<1>(from, from_stride, to, to_stride, rows, cols, lanes, add);
  }
}

// dy: groups x cols, dx: rows x cols with `each` rows of a group.
KERNEL(rows_mean_backward)(const real* dy, real* dx, index_t rows, int each, index_t cols, int lanes, int packed,
                           int add) {
  if (packed) {
    rows::mean_backward<PACK>(dy, dx, rows, each, cols, lanes, add);
  } else {
    rows::mean_backward<1>(dy, dx, rows, each, cols, lanes, add);
  }
}

// ids: rows, table: k runs, y: k x rows x cols; directions along y.
KERNEL(rows_gather)(const real* ids, const real* table, index_t table_stride, real* y, index_t rows, index_t cols,
                    int lanes, int packed) {
  if (packed) {
    rows::gather<PACK>(ids, table, table_stride, y, rows, cols, lanes);
  } else {
    rows::gather<1>(ids, table, table_stride, y, rows, cols, lanes);
  }
}

// ---- sums over rows

namespace rows {

// Columns and rows of a block that sums columns.
constexpr int SUM_COLS = WARP;
constexpr int SUM_ROWS = 8;

__device__ __forceinline__ void finish(real* out, double sum, double divisor, int add) {
  sum /= divisor;
  *out = real(add ? (double)*out + sum : sum);
}

}  // namespace rows

// x: k matrices rows x cols, partial: k x chunks x cols; blocks: k x tiles of columns x chunks of rows. A single chunk
// goes straight to the k runs of out.
KERNEL(rows_column_sums)(const real* x, index_t k_stride, index_t row_stride, index_t rows, index_t cols, int chunks,
                         double* partial, real* out, index_t out_stride, double divisor, int add) {
  __shared__ double sums[rows::SUM_ROWS][rows::SUM_COLS];
  index_t tiles = (cols + rows::SUM_COLS - 1) / rows::SUM_COLS;
  index_t chunk = blockIdx.x % chunks;
  index_t tile = blockIdx.x / chunks % tiles;
  index_t i = blockIdx.x / chunks / tiles;
  int across = threadIdx.x % rows::SUM_COLS;
  int down = threadIdx.x / rows::SUM_COLS;
  index_t col = tile * rows::SUM_COLS + across;
  index_t each = (rows + chunks - 1) / chunks;
  index_t end = (chunk + 1) * each < rows ? (chunk + 1) * each : rows;
  double sum = 0;
  if (col < cols) {
    const real* from = x + i * k_stride + col;
#pragma unroll 4
    for (index_t row = chunk * each + down; row < end; row += rows::SUM_ROWS) {
      sum += (double)from[row * row_stride];
    }
  }
  sums[down][across] = sum;
  __syncthreads();
  if (down > 0 || col >= cols) {
    return;
  }
  for (int d = 1; d < rows::SUM_ROWS; d++) {
    sum += sums[d][across];
  }
  if (chunks == 1) {
    rows::finish(out + i * out_stride + col, sum, divisor, add);
  } else {
    partial[(i * chunks + chunk) * cols + col] = sum;
  }
}

// partial: k x chunks x cols, out: k runs of cols.
KERNEL(rows_finish_sums)(const double* partial, index_t k, int chunks, index_t cols, real* out, index_t out_stride,
                         double divisor, int add) {
  for (index_t at = first_element(); at < k * cols; at += element_step()) {
    index_t i = at / cols;
    index_t col = at % cols;
    double sum = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      sum += partial[(i * chunks + chunk) * cols + col];
    }
    rows::finish(out + i * out_stride + col, sum, divisor, add);
  }
}

// ---- scatter: rows sorted by id, then summed run by run

namespace rows {

typedef unsigned long long sort_key;

// Ids that a block sorts; Rows.SORT_TILE in Java.
constexpr int SORT_TILE = 512;
// Sorted rows that a block sums, and its columns; Rows.SCATTER_ROWS and Rows.SCATTER_COLS in Java.
constexpr int SCATTER_ROWS = 128;
constexpr int SCATTER_COLS = 128;
// Rows on their way at a time.
constexpr int AHEAD = 8;

__device__ __forceinline__ sort_key id_of(sort_key key) { return key >> 32; }
__device__ __forceinline__ index_t row_of(sort_key key) { return (index_t)(key & 0xffffffffu); }

// How many of n sorted keys are smaller.
__device__ __forceinline__ index_t smaller(const sort_key* keys, index_t n, sort_key key) {
  index_t low = 0;
  while (n > 0) {
    index_t half = n / 2;
    if (keys[low + half] < key) {
      low += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return low;
}

}  // namespace rows

// ids: n, keys: n, (id, row) sorted in tiles. All keys differ, so that a key's place is the number of smaller ones.
KERNEL(rows_sort_tiles)(const real* ids, index_t n, unsigned long long* keys) {
  __shared__ rows::sort_key tile[rows::SORT_TILE];
  index_t first = (index_t)blockIdx.x * rows::SORT_TILE;
  int size = (int)(n - first < rows::SORT_TILE ? n - first : rows::SORT_TILE);
  for (int j = threadIdx.x; j < size; j += blockDim.x) {
    tile[j] = (rows::sort_key)(unsigned int)ids[first + j] << 32 | (rows::sort_key)(first + j);
  }
  __syncthreads();
  for (int j = threadIdx.x; j < size; j += blockDim.x) {
    rows::sort_key key = tile[j];
    int place = 0;
    for (int i = 0; i < size; i++) {
      place += tile[i] < key;
    }
    keys[first + place] = key;
  }
}

// from, to: n keys, sorted in runs, then in runs twice as long.
KERNEL(rows_merge)(const unsigned long long* from, unsigned long long* to, index_t n, index_t run) {
  for (index_t at = first_element(); at < n; at += element_step()) {
    index_t pair = at / (2 * run) * (2 * run);
    index_t middle = pair + run < n ? pair + run : n;
    index_t end = middle + run < n ? middle + run : n;
    rows::sort_key key = from[at];
    index_t place =
        at < middle ? at + rows::smaller(from + middle, end - middle, key)
                    : at - (middle - pair) + rows::smaller(from + pair, middle - pair, key);
    to[place] = key;
  }
}

// keys: n, dy: k x n x cols, table: k runs; blocks: chunks of sorted rows x tiles of columns, directions along y. An id
// whose rows all lie in this chunk is added here. The sums of others go to partial, k x chunks x 2 x cols: first the
// rows of an id that has begun in an earlier chunk, then those of one that begins here and goes on.
KERNEL(rows_scatter)(const unsigned long long* keys, index_t n, int cols, const real* dy, real* table,
                     index_t table_stride, double* partial) {
  __shared__ rows::sort_key near[rows::SCATTER_ROWS + 2];
  int tiles = (cols + rows::SCATTER_COLS - 1) / rows::SCATTER_COLS;
  index_t chunk = blockIdx.x / tiles;
  index_t chunks = gridDim.x / tiles;
  int col = (int)(blockIdx.x % tiles) * rows::SCATTER_COLS + threadIdx.x;
  index_t first = chunk * rows::SCATTER_ROWS;
  int size = (int)(n - first < rows::SCATTER_ROWS ? n - first : rows::SCATTER_ROWS);
  for (int j = threadIdx.x; j < size + 2; j += blockDim.x) {
    index_t at = first + j - 1;
    // an id that no row has
    near[j] = at >= 0 && at < n ? keys[at] : ~0ULL;
  }
  __syncthreads();
  if (col >= cols) {
    return;
  }
  const rows::sort_key* mine = near + 1;
  const real* from = dy + blockIdx.y * n * cols + col;
  real* to = table + blockIdx.y * table_stride + col;
  double* pieces = partial + (blockIdx.y * chunks + chunk) * 2 * cols + col;
  bool begun = rows::id_of(near[0]) == rows::id_of(mine[0]);
  double sum = 0;
  for (int j = 0; j < size; j += rows::AHEAD) {
    real v[rows::AHEAD];
    for (int a = 0; a < rows::AHEAD; a++) {
      v[a] = j + a < size ? from[rows::row_of(mine[j + a]) * cols] : real(0);
    }
    for (int a = 0; a < rows::AHEAD && j + a < size; a++) {
      sum += (double)v[a];
      rows::sort_key id = rows::id_of(mine[j + a]);
      bool last = j + a == size - 1;
      bool same = rows::id_of(mine[j + a + 1]) == id;
      if (same && !last) {
        continue;
      }
      if (begun) {
        pieces[0] = sum;
      } else if (same) {
        pieces[cols] = sum;
      } else {
        real* place = to + (index_t)id * cols;
        *place = real((double)*place + sum);
      }
      begun = false;
      sum = 0;
    }
  }
}

// The ids that go on from one chunk to the next, each at the chunk where it begins.
KERNEL(rows_scatter_joined)(const unsigned long long* keys, index_t n, int cols, const double* partial, real* table,
                            index_t table_stride) {
  int tiles = (cols + rows::SCATTER_COLS - 1) / rows::SCATTER_COLS;
  index_t chunk = blockIdx.x / tiles;
  index_t chunks = gridDim.x / tiles;
  int col = (int)(blockIdx.x % tiles) * rows::SCATTER_COLS + threadIdx.x;
  index_t first = chunk * rows::SCATTER_ROWS;
  index_t next = first + rows::SCATTER_ROWS;
  if (next >= n || col >= cols) {
    return;
  }
  rows::sort_key id = rows::id_of(keys[next]);
  bool goes_on = rows::id_of(keys[next - 1]) == id;
  bool begun = first > 0 && rows::id_of(keys[first - 1]) == id;
  if (!goes_on || begun) {
    return;
  }
  const double* pieces = partial + (blockIdx.y * chunks + chunk) * 2 * cols + col;
  double sum = pieces[cols];
  for (; next < n && rows::id_of(keys[next]) == id; next += rows::SCATTER_ROWS) {
    // a chunk that begins with this id continues it, for it has begun before
    pieces += 2 * cols;
    sum += *pieces;
  }
  real* place = table + blockIdx.y * table_stride + (index_t)id * cols + col;
  *place = real((double)*place + sum);
}

// ---- patches

namespace rows {

template <int U>
__device__ __forceinline__ void patches(const real* from, real* to, index_t n, int channels, int height, int width,
                                        int patch, int back, int add) {
  int across = width / patch;
  index_t area = (index_t)patch * patch;
  for (index_t unit = first_element(); unit < n / U; unit += element_step()) {
    index_t pixel = unit * U;
    index_t line = pixel / width;
    int x = (int)(pixel % width);
    index_t plane = line / height;
    int y = (int)(line % height);
    index_t image = plane / channels;
    index_t channel = plane % channels;
    index_t row = (image * (height / patch) + y / patch) * across + x / patch;
    index_t at = (row * channels + channel) * area + (index_t)(y % patch) * patch + x % patch;
    if (back) {
      put_unit<U>(to + pixel, load_unit<U>(from + at), add);
    } else {
      store_unit<U>(to + at, load_unit<U>(from + pixel));
    }
  }
}

}  // namespace rows

// images: channels x height x width each, rows: patches x channels x patch x patch; n values; back: from rows to images.
KERNEL(rows_patches)(const real* from, real* to, index_t n, int channels, int height, int width, int patch, int packed,
                     int back, int add) {
  if (packed) {
    rows::patches<PACK>(from, to, n, channels, height, width, patch, back, add);
  } else {
    rows::patches<1>(from, to, n, channels, height, width, patch, back, add);
  }
}
