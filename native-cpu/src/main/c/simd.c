/* float32 products with the vectors of AVX2 or AVX-512; compiled once for each. */
#include "product.h"

#include <string.h>

#include "simd.h"

#ifdef DYNAXX_AVX512
#define SUFFIX avx512
#define MR 14
#else
#define SUFFIX avx2
#define MR 6
#endif

#define NR (2 * LANES)
#define ROWS (8 * MR)
#define RUN 128
/* From row to row, or column to column, of packed A; no power of two, which would put all of them into the same sets of the cache. */
#define ROW_PITCH (RUN + 16)
#define COLUMN_PITCH (ROWS + 16)

#define A_FLOATS (ROWS * ROW_PITCH > RUN * COLUMN_PITCH ? ROWS * ROW_PITCH : RUN * COLUMN_PITCH)
/* Vectors may be read behind the last row. */
#define A_BYTES ((A_FLOATS + 64) * (int64_t)sizeof(float))
#define STAGE_BYTES 0
/* Tiles of about the same height. */
#define TILE_ROWS(height) pieces(height, pieces(height, MR))
#define PANEL_BYTES(depth) ((size_t)(depth) * NR * sizeof(float))
#define DIRECT 1
#ifndef FEW
#define FEW 2
#endif
#define ROWS_AT_A_TIME(cols, by_columns) ((cols) <= FEW * NR && !(by_columns) ? MR : ROWS)
#define BEGIN()
#define END()

#define INLINE static inline __attribute__((always_inline))

static void copy_rows(const float *from, int64_t ld, int64_t rows, int64_t cols, float *to, int64_t pitch) {
  for (int64_t r = 0; r < rows; r++, from += ld, to += pitch) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
      store(to + j, load(from + j));
    }
    if (j < cols) {
      store(to + j, load_some(from + j, first_lanes(cols - j)));
    }
  }
}

/* Rows of op(A) as they are stored, by rows or by columns. */
static void pack_a(const float *from, int64_t ld, int by_columns, int64_t rows, int64_t depth, void *to) {
  if (by_columns) {
    copy_rows(from, ld, depth, rows, to, COLUMN_PITCH);
  } else {
    copy_rows(from, ld, rows, depth, to, ROW_PITCH);
  }
}

INLINE const void *tile_a(const void *packed, int by_columns, int64_t row) {
  return (const float *)packed + (by_columns ? row : row * ROW_PITCH);
}

/* A panel of op(B): row after row, zeros behind its last column. */
static void pack_b(const float *from, int64_t ld, int64_t transposed, int64_t depth, int64_t width, void *to) {
  float *panel = to;
  if (!transposed) {
    if (width == NR) {
      for (int64_t p = 0; p < depth; p++, from += ld, panel += NR) {
        store(panel, load(from));
        store(panel + LANES, load(from + LANES));
      }
      return;
    }
    mask m0 = first_lanes(width);
    mask m1 = first_lanes(width > LANES ? width - LANES : 0);
    for (int64_t p = 0; p < depth; p++, from += ld, panel += NR) {
      store(panel, load_some(from, m0));
      store(panel + LANES, width > LANES ? load_some(from + LANES, m1) : zero());
    }
    return;
  }
  for (int64_t j = 0; j < NR; j += LANES) {
    for (int64_t p = 0; p < depth; p += LANES) {
      vec x[LANES];
      mask m = first_lanes(depth - p);
      for (int i = 0; i < LANES; i++) {
        x[i] = j + i < width ? load_some(from + (j + i) * ld + p, m) : zero();
      }
      transpose(x);
      for (int i = 0; i < LANES && p + i < depth; i++) {
        store(panel + (p + i) * NR + j, x[i]);
      }
    }
  }
}

/* A tile of C from registers: the same order of operations for each of its elements, whatever the tile's shape. */
INLINE void tile_of(const int rows, const int vectors, const int masked, const int by_columns, int64_t depth, const float *a, const float *b,
                    int64_t ldb, mask last, float alpha, float beta, const float *bias, float *c, int64_t ldc) {
  vec sum[MR][2];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
    sum[r][0] = zero();
    sum[r][1] = zero();
  }
  for (int64_t p = 0; p < depth; p++, b += ldb) {
    vec b0 = masked && vectors == 1 ? load_some(b, last) : load(b);
    vec b1 = vectors == 1 ? b0 : masked ? load_some(b + LANES, last) : load(b + LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      vec x = every(by_columns ? a[p * COLUMN_PITCH + r] : a[r * ROW_PITCH + p]);
      sum[r][0] = fma_(x, b0, sum[r][0]);
      if (vectors == 2) {
        sum[r][1] = fma_(x, b1, sum[r][1]);
      }
    }
  }
  vec scale = every(alpha);
  vec old = every(beta);
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++, c += ldc) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      const int some = masked && v == vectors - 1;
      float *to = c + v * LANES;
      vec x = mul(sum[r][v], scale);
      if (beta != 0) {
        x = add(x, mul(some ? load_some(to, last) : load(to), old));
      }
      if (bias != NULL) {
        const float *shift = bias + v * LANES;
        x = add(x, some ? load_some(shift, last) : load(shift));
      }
      if (some) {
        store_some(to, last, x);
      } else {
        store(to, x);
      }
    }
  }
}

typedef void tile_kernel(int64_t depth, const float *a, const float *b, int64_t ldb, mask last, float alpha, float beta, const float *bias,
                         float *c, int64_t ldc);

#define KERNEL(rows, vectors, masked, columns)                                                                                             \
  static void tile_##rows##_##vectors##_##masked##_##columns(int64_t depth, const float *a, const float *b, int64_t ldb, mask last,        \
                                                             float alpha, float beta, const float *bias, float *c, int64_t ldc) {          \
    tile_of(rows, vectors, masked, columns, depth, a, b, ldb, last, alpha, beta, bias, c, ldc);                                            \
  }
#define KERNELS(rows)                                                                                                                      \
  KERNEL(rows, 1, 0, 0)                                                                                                                    \
  KERNEL(rows, 1, 0, 1)                                                                                                                    \
  KERNEL(rows, 1, 1, 0)                                                                                                                    \
  KERNEL(rows, 1, 1, 1)                                                                                                                    \
  KERNEL(rows, 2, 0, 0)                                                                                                                    \
  KERNEL(rows, 2, 0, 1)                                                                                                                    \
  KERNEL(rows, 2, 1, 0)                                                                                                                    \
  KERNEL(rows, 2, 1, 1)
#define ENTRIES(rows)                                                                                                                      \
  {{{tile_##rows##_1_0_0, tile_##rows##_1_0_1}, {tile_##rows##_1_1_0, tile_##rows##_1_1_1}},                                               \
   {{tile_##rows##_2_0_0, tile_##rows##_2_0_1}, {tile_##rows##_2_1_0, tile_##rows##_2_1_1}}}

KERNELS(1)
KERNELS(2)
KERNELS(3)
KERNELS(4)
KERNELS(5)
KERNELS(6)
#ifdef DYNAXX_AVX512
KERNELS(7)
KERNELS(8)
KERNELS(9)
KERNELS(10)
KERNELS(11)
KERNELS(12)
KERNELS(13)
KERNELS(14)
#endif

/* By rows, vectors, whether the last one is a part, whether A lies by columns. */
static tile_kernel *const tiles[MR][2][2][2] = {
    ENTRIES(1), ENTRIES(2), ENTRIES(3), ENTRIES(4), ENTRIES(5), ENTRIES(6),
#ifdef DYNAXX_AVX512
    ENTRIES(7), ENTRIES(8), ENTRIES(9), ENTRIES(10), ENTRIES(11), ENTRIES(12), ENTRIES(13), ENTRIES(14),
#endif
};

INLINE void tile(int64_t rows, int64_t width, int64_t depth, int by_columns, const void *a, const void *b, int64_t ldb, float alpha,
                 float beta, const float *bias, float *c, int64_t ldc, void *stage) {
  (void)stage;
  int two = width > LANES;
  int masked = width % LANES != 0;
  tiles[rows - 1][two][masked][by_columns](depth, a, b, ldb, first_lanes(two ? width - LANES : width), alpha, beta, bias, c, ldc);
}

#include "blocks.h"
