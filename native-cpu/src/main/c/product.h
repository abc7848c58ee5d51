/* Matrix products in coarse blocks. Java cuts the work into tasks and calls these functions for each; they keep no state. */
#ifndef DYNAXX_PRODUCT_H
#define DYNAXX_PRODUCT_H

#include <stdint.h>

/* Checked by Java when it loads the library: the layout below and the functions' arguments. */
#define DYNAXX_ABI 1

#define EXPORT __attribute__((visibility("default")))

/* Where a family of matrices lies: element (r, c) of member (i, j, l) is at i stride[0] + j stride[1] + l stride[2] + r ld + c. */
typedef struct {
  int64_t ld;
  int64_t transposed;
  int64_t stride[3];
} family;

/* C = alpha op(A) op(B) + beta C + bias, for some columns and a part of the depth. Java's Product writes it; all fields have 8 bytes. */
typedef struct {
  int64_t m;
  int64_t n;
  int64_t depth;
  double alpha;
  double beta;
  family a;
  family b;
  family c;
  int64_t bias_stride; /* between the runs of the first batch index */
  int64_t n1;          /* members along the second batch index */
  int64_t n2;          /* and the third */
  int64_t col;         /* first column of the block */
  int64_t cols;
  int64_t from; /* first element of the depth */
  int64_t length;
  int64_t first;  /* the member whose B is packed */
  int64_t height; /* rows of a task or a piece */
  int64_t wide;   /* panels of a task or a piece */
} product;

/* What a level of the processor offers: each function exists once for each suffix. */
#define DECLARE(suffix)                                                                                                                    \
  /* Geometry: [0] rows of a tile, [1] columns of a panel, [2] rows of A packed at a time, [3] length of the sums. */                      \
  EXPORT void dynaxx_geometry_##suffix(int64_t out[4]);                                                                                    \
  /* Bytes of a packed block of B. */                                                                                                      \
  EXPORT int64_t dynaxx_packed_##suffix(int64_t cols, int64_t length);                                                                     \
  /* Bytes that a thread needs for its own use. */                                                                                         \
  EXPORT int64_t dynaxx_work_##suffix(void);                                                                                               \
  /* Packs panel number task modulo panels, run number task / panels. */                                                                   \
  EXPORT void dynaxx_pack_##suffix(const product *g, const float *b, void *packed, int64_t task);                                          \
  /* Rows with panels of packed B: task = (member block, row block, part of the panels). */                                                \
  EXPORT void dynaxx_rows_##suffix(const product *g, const float *a, const void *packed, float *c, const float *bias, void *work,          \
                                   int64_t task);                                                                                          \
  /* Pieces of the members' C from the first to the end, B not packed before. */                                                           \
  EXPORT void dynaxx_pieces_##suffix(const product *g, const float *a, const float *b, float *c, const float *bias, void *work,           \
                                     int64_t begin, int64_t end)

DECLARE(avx2);
DECLARE(avx512);
DECLARE(bf16x3);
DECLARE(bf16x6);

/* Bits: what this processor and this operating system allow. */
enum { LEVEL_AVX2 = 1, LEVEL_AVX512 = 2, LEVEL_AMX = 4 };
EXPORT int64_t dynaxx_levels(void);
EXPORT int64_t dynaxx_abi(void);

#endif
