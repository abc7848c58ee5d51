/*
 * Products by the matrix unit (AMX) in bfloat16, each float32 factor split into two or three parts whose products of order 2^-16, or 2^-24,
 * and above are added in float32 (Henry, Tang and Heinecke, 2019). Compiled once for three products and once for six; with DYNAXX_EMULATED
 * the instructions are functions in C, so that tests reach this code on any processor.
 */
#include "product.h"

#include <string.h>

#ifdef DYNAXX_SIX
#define SUFFIX bf16x6
#define PARTS 3
#else
#define SUFFIX bf16x3
#define PARTS 2
#endif

/* A tile register holds 16 rows of 64 bytes. */
enum { TILE = 16, DEPTH = 32, TILE_VALUES = TILE * DEPTH };

#ifdef DYNAXX_EMULATED

static _Thread_local struct {
  float sums[TILE][TILE];
  /* Of a factor, widened: the even and the odd of each pair. */
  float even[TILE][TILE];
  float odd[TILE][TILE];
} registers[8];

static float widened(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void load_factor(int t, const uint16_t *from) {
  for (int r = 0; r < TILE; r++) {
    for (int i = 0; i < TILE; i++) {
      registers[t].even[r][i] = widened(from[r * DEPTH + 2 * i]);
      registers[t].odd[r][i] = widened(from[r * DEPTH + 2 * i + 1]);
    }
  }
}

/* As Intel's manual says, except for denormals, which the unit takes for 0: even and odd elements of the depth are added up apart. */
__attribute__((target_clones("avx512f", "avx2", "default"))) static void multiply(int c, int a, int b) {
  for (int m = 0; m < TILE; m++) {
    float even[TILE] = {0};
    float odd[TILE] = {0};
    for (int k = 0; k < TILE; k++) {
      for (int n = 0; n < TILE; n++) {
        even[n] += registers[a].even[m][k] * registers[b].even[k][n];
        odd[n] += registers[a].odd[m][k] * registers[b].odd[k][n];
      }
    }
    for (int n = 0; n < TILE; n++) {
      registers[c].sums[m][n] += even[n] + odd[n];
    }
  }
}

#define tile_zero(t) memset(registers[t].sums, 0, sizeof registers[t].sums)
#define tile_load(t, from) load_factor(t, from)
#define tile_store(t, to, floats)                                                                                                          \
  for (int row_ = 0; row_ < TILE; row_++) {                                                                                                \
    memcpy((to) + row_ * (floats), registers[t].sums[row_], sizeof registers[t].sums[row_]);                                               \
  }
#define tile_multiply(c, a, b) multiply(c, a, b)
#define BEGIN()
#define END()

#else

#include <immintrin.h>

static void configure(void) {
  struct {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } config __attribute__((aligned(64))) = {.palette = 1};
  for (int t = 0; t < 8; t++) {
    config.bytes[t] = 2 * DEPTH;
    config.rows[t] = TILE;
  }
  _tile_loadconfig(&config);
}

#define tile_zero(t) _tile_zero(t)
#define tile_load(t, from) _tile_loadd(t, from, 2 * DEPTH)
#define tile_store(t, to, floats) _tile_stored(t, to, (floats) * sizeof(float))
#define tile_multiply(c, a, b) _tile_dpbf16ps(c, a, b)
#define BEGIN() configure()
#define END() _tile_release()

#endif

#define MR (2 * TILE)
#define NR (2 * TILE)
#define ROWS (4 * MR)
#define RUN 256
#define TILE_ROWS(height) MR
#define DIRECT 0
#define ROWS_AT_A_TIME(cols, by_columns) ROWS
/* Rows of 16, for each of them its parts, for each of those its tiles along the depth. */
#define A_BYTES ((int64_t)ROWS * RUN * PARTS * (int64_t)sizeof(uint16_t))
#define STAGE_BYTES ((int64_t)MR * NR * (int64_t)sizeof(float))
#define BLOCKS(depth) (((depth) + DEPTH - 1) / DEPTH)
/* Columns of 16, likewise; only as many tiles along the depth as there are. */
#define PANEL_BYTES(depth) ((size_t)(2 * PARTS * BLOCKS(depth) * TILE_VALUES) * sizeof(uint16_t))

/* Rounded to nearest, ties to even; the last 0.4 % of float32's range become infinite. */
static inline uint16_t rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  int is_nan = (bits & 0x7fffffff) > 0x7f800000;
  return (uint16_t)((is_nan ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float value_of(uint16_t part) {
  uint32_t bits = (uint32_t)part << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Parts of x, `step` values apart. The rest of what is not finite is 0. */
static inline void split(float x, uint16_t *to, int64_t step) {
  for (int part = 0; part < PARTS; part++) {
    to[part * step] = rounded(x);
    float rest = x - value_of(to[part * step]);
    x = rest - rest == 0 ? rest : 0;
  }
}

static void pack_a(const float *from, int64_t ld, int by_columns, int64_t rows, int64_t depth, void *to) {
  uint16_t *packed = to;
  int64_t part = RUN * TILE;
  int64_t row_step = by_columns ? 1 : ld;
  int64_t depth_step = by_columns ? ld : 1;
  int64_t deep = BLOCKS(depth) * DEPTH;
  int64_t tall = (rows + TILE - 1) / TILE * TILE;
  for (int64_t r = 0; r < tall; r++) {
    uint16_t *row = packed + r / TILE * PARTS * part + r % TILE * DEPTH;
    for (int64_t p = 0; p < deep; p++) {
      float x = r < rows && p < depth ? from[r * row_step + p * depth_step] : 0;
      split(x, row + p / DEPTH * TILE_VALUES + p % DEPTH, part);
    }
  }
}

static inline const void *tile_a(const void *packed, int by_columns, int64_t row) {
  (void)by_columns;
  return (const uint16_t *)packed + row * PARTS * RUN;
}

/* Pairs of elements of the depth lie side by side. */
static void pack_b(const float *from, int64_t ld, int64_t transposed, int64_t depth, int64_t width, void *to) {
  uint16_t *packed = to;
  int64_t part = BLOCKS(depth) * TILE_VALUES;
  int64_t depth_step = transposed ? 1 : ld;
  int64_t col_step = transposed ? ld : 1;
  int64_t deep = BLOCKS(depth) * DEPTH;
  for (int64_t p = 0; p < deep; p++) {
    for (int64_t j = 0; j < NR; j++) {
      float x = j < width && p < depth ? from[p * depth_step + j * col_step] : 0;
      split(x, packed + j / TILE * PARTS * part + p / DEPTH * TILE_VALUES + p % DEPTH / 2 * DEPTH + j % TILE * 2 + p % 2, part);
    }
  }
}

#define LOAD_A(part)                                                                                                                       \
  tile_load(4, a0 + (part) * RUN * TILE);                                                                                                  \
  if (tall) {                                                                                                                              \
    tile_load(5, a0 + (PARTS + (part)) * RUN * TILE);                                                                                      \
  }
#define LOAD_B(part)                                                                                                                       \
  tile_load(6, b0 + (part) * b_part);                                                                                                      \
  if (wide) {                                                                                                                              \
    tile_load(7, b0 + (PARTS + (part)) * b_part);                                                                                          \
  }
#define MULTIPLY()                                                                                                                         \
  tile_multiply(0, 4, 6);                                                                                                                  \
  if (wide) {                                                                                                                              \
    tile_multiply(1, 4, 7);                                                                                                                \
  }                                                                                                                                        \
  if (tall) {                                                                                                                              \
    tile_multiply(2, 5, 6);                                                                                                                \
  }                                                                                                                                        \
  if (tall && wide) {                                                                                                                      \
    tile_multiply(3, 5, 7);                                                                                                                \
  }

/* Sums of up to four tiles; in an order of products that changes one factor at a time. */
static inline __attribute__((always_inline)) void sums(const int tall, const int wide, int64_t depth, const uint16_t *a, const uint16_t *b,
                                                       float *stage) {
  int64_t b_part = BLOCKS(depth) * TILE_VALUES;
  tile_zero(0);
  tile_zero(1);
  tile_zero(2);
  tile_zero(3);
  for (int64_t block = 0; block < BLOCKS(depth); block++) {
    const uint16_t *a0 = a + block * TILE_VALUES;
    const uint16_t *b0 = b + block * TILE_VALUES;
#ifdef DYNAXX_SIX
    LOAD_A(2) LOAD_B(0) MULTIPLY() LOAD_A(1) MULTIPLY() LOAD_B(1) MULTIPLY() LOAD_A(0) MULTIPLY() LOAD_B(2) MULTIPLY() LOAD_B(0) MULTIPLY()
#else
    LOAD_A(1) LOAD_B(0) MULTIPLY() LOAD_A(0) MULTIPLY() LOAD_B(1) MULTIPLY()
#endif
  }
  tile_store(0, stage, NR);
  tile_store(1, stage + TILE, NR);
  tile_store(2, stage + TILE * NR, NR);
  tile_store(3, stage + TILE * NR + TILE, NR);
}

static void tile(int64_t rows, int64_t width, int64_t depth, int by_columns, const void *a, const void *b, int64_t ldb, float alpha,
                 float beta, const float *bias, float *c, int64_t ldc, void *stage) {
  (void)by_columns;
  (void)ldb;
  float *sum = stage;
  if (rows > TILE && width > TILE) {
    sums(1, 1, depth, a, b, sum);
  } else if (rows > TILE) {
    sums(1, 0, depth, a, b, sum);
  } else if (width > TILE) {
    sums(0, 1, depth, a, b, sum);
  } else {
    sums(0, 0, depth, a, b, sum);
  }
  for (int64_t r = 0; r < rows; r++, sum += NR, c += ldc) {
    for (int64_t j = 0; j < width; j++) {
      float x = sum[j] * alpha;
      if (beta != 0) {
        x += c[j] * beta;
      }
      if (bias != NULL) {
        x += bias[j];
      }
      c[j] = x;
    }
  }
}

#include "blocks.h"
