/*
 * The order of work in a product, for one kind of tile. The file that includes this defines before:
 *   SUFFIX, MR, NR (a tile), ROWS (of A at a time, a multiple of MR), RUN (length of the sums),
 *   A_BYTES (packed rows of A), PANEL_BYTES(depth) (a packed panel of B), STAGE_BYTES (for tiles on their way, may be 0),
 *   pack_a(from, ld, by_columns, rows, depth, to), pack_b(from, ld, transposed, depth, width, to),
 *   tile(rows, width, depth, by_columns, a, b, ldb, alpha, beta, bias, c, ldc, stage) with a packed A of ROWS rows from row 0 on at a,
 *   tile_a(packed, by_columns, row): where the rows from `row` on start,
 *   TILE_ROWS(height): rows of the tiles that make up this many,
 *   DIRECT: 1 if tile can read an untransposed B where it lies, ldb its leading dimension,
 *   BEGIN() and END(), run around each call.
 *
 * Each element of C is made by one sequence of operations that depends on the depth only: sums over runs of RUN in order, each scaled and
 * added. So its bits do not depend on where it stands, on the number of members, or on how Java cuts the work into tasks.
 */
#include <stddef.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, SUFFIX)

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t pieces(int64_t size, int64_t of) { return (size + of - 1) / of; }

static inline int64_t start(const product *g, const family *x, int64_t member) {
  int64_t l = member % g->n2;
  int64_t ij = member / g->n2;
  return ij / g->n1 * x->stride[0] + ij % g->n1 * x->stride[1] + l * x->stride[2];
}

/* Sums of length 0 are one run too: C is still scaled. */
static inline int64_t runs(int64_t length) { return length == 0 ? 1 : pieces(length, RUN); }

static inline int64_t run_length(int64_t length, int64_t run) { return least(RUN, length - run * RUN); }

/* Panels of a run follow each other; all runs before it are whole. */
static inline size_t panel_at(int64_t panels, int64_t length, int64_t run, int64_t panel) {
  return (size_t)(run * panels) * PANEL_BYTES(RUN) + (size_t)panel * PANEL_BYTES(run_length(length, run));
}

static inline const float *b_at(const product *g, const float *b, int64_t depth, int64_t col) {
  return b + (g->b.transposed ? col * g->b.ld + depth : depth * g->b.ld + col);
}

EXPORT void NAME(dynaxx_geometry_)(int64_t out[4]) {
  out[0] = MR;
  out[1] = NR;
  out[2] = ROWS;
  out[3] = RUN;
}

EXPORT int64_t NAME(dynaxx_packed_)(int64_t cols, int64_t length) {
  return (int64_t)panel_at(pieces(cols, NR), length, runs(length) - 1, pieces(cols, NR));
}

/* Columns of B that pieces() packs at a time. */
enum { PIECE_COLS = 8 * NR };

EXPORT int64_t NAME(dynaxx_work_)(void) { return A_BYTES + STAGE_BYTES + PIECE_COLS / NR * (int64_t)PANEL_BYTES(RUN); }

EXPORT void NAME(dynaxx_pack_)(const product *g, const float *b, void *packed, int64_t task) {
  int64_t panels = pieces(g->cols, NR);
  int64_t run = task / panels;
  int64_t panel = task % panels;
  int64_t depth = run_length(g->length, run);
  const float *from = b_at(g, b + start(g, &g->b, g->first), g->from + run * RUN, g->col + panel * NR);
  pack_b(from, g->b.ld, g->b.transposed, depth, least(NR, g->cols - panel * NR), (char *)packed + panel_at(panels, g->length, run, panel));
}

/* Rows of a member with some columns of B, for one run of the depth. */
static void run_of_rows(const product *g, const float *a, const char *b, int64_t ldb, size_t step, float *c, const float *bias, char *work,
                        int64_t row, int64_t height, int64_t from, int64_t depth, int64_t col, int64_t cols) {
  int by_columns = g->a.transposed != 0;
  a += by_columns ? from * g->a.ld + row : row * g->a.ld + from;
  pack_a(a, g->a.ld, by_columns, height, depth, work);
  float beta = from == 0 ? (float)g->beta : 1;
  if (from + depth < g->depth) {
    bias = NULL;
  }
  c += row * g->c.ld + col;
  int64_t tall = TILE_ROWS(height);
  for (int64_t j = 0; j < cols; j += NR, b += step) {
    for (int64_t i = 0; i < height; i += tall) {
      tile(least(tall, height - i), least(NR, cols - j), depth, by_columns, tile_a(work, by_columns, i), b, ldb, (float)g->alpha, beta,
           bias == NULL ? NULL : bias + col + j, c + i * g->c.ld + j, g->c.ld, work + A_BYTES);
    }
  }
}

EXPORT void NAME(dynaxx_rows_)(const product *g, const float *a, const void *packed, float *c, const float *bias, void *work,
                               int64_t task) {
  BEGIN();
  int64_t panels = pieces(g->cols, NR);
  int64_t parts = pieces(panels, g->wide);
  int64_t blocks = pieces(g->m, g->height);
  int64_t part = task % parts;
  int64_t row = task / parts % blocks * g->height;
  int64_t member = g->first + task / parts / blocks;
  int64_t panel = part * g->wide;
  int64_t col = panel * NR;
  int64_t cols = least(g->cols, (panel + g->wide) * NR) - col;
  a += start(g, &g->a, member);
  c += start(g, &g->c, member);
  if (bias != NULL) {
    bias += member / g->n2 / g->n1 * g->bias_stride;
  }
  int64_t end = least(g->m, row + g->height);
  for (; row < end; row += ROWS) {
    for (int64_t run = 0; run < runs(g->length); run++) {
      int64_t depth = run_length(g->length, run);
      const char *b = (const char *)packed + panel_at(panels, g->length, run, panel);
      run_of_rows(g, a, b, NR, PANEL_BYTES(depth), c, bias, work, row, least(ROWS, end - row), g->from + run * RUN, depth, g->col + col,
                  cols);
    }
  }
  END();
}

/* Panels of some columns, run after run. */
static void pack_some(const product *g, const float *b, int64_t from, int64_t length, int64_t col, int64_t cols, char *packed) {
  for (int64_t run = 0; run < runs(length); run++) {
    int64_t depth = run_length(length, run);
    for (int64_t j = 0; j < cols; j += NR, packed += PANEL_BYTES(depth)) {
      pack_b(b_at(g, b, from + run * RUN, col + j), g->b.ld, g->b.transposed, depth, least(NR, cols - j), packed);
    }
  }
}

EXPORT void NAME(dynaxx_pieces_)(const product *g, const float *a, const float *b, float *c, const float *bias, void *work, int64_t begin,
                                 int64_t end) {
  BEGIN();
  char *packed = (char *)work + A_BYTES + STAGE_BYTES;
  int64_t across = pieces(g->n, g->wide * NR);
  int64_t down = pieces(g->m, g->height);
  int direct = DIRECT && !g->b.transposed;
  for (int64_t piece = begin; piece < end; piece++) {
    int64_t first_col = piece % across * g->wide * NR;
    int64_t first_row = piece / across % down * g->height;
    int64_t member = piece / across / down;
    int64_t end_col = least(g->n, first_col + g->wide * NR);
    int64_t end_row = least(g->m, first_row + g->height);
    const float *am = a + start(g, &g->a, member);
    const float *bm = b + start(g, &g->b, member);
    float *cm = c + start(g, &g->c, member);
    const float *shift = bias == NULL ? NULL : bias + member / g->n2 / g->n1 * g->bias_stride;
    for (int64_t col = first_col; col < end_col; col += PIECE_COLS) {
      int64_t cols = least(PIECE_COLS, end_col - col);
      int64_t together = PIECE_COLS / (pieces(cols, NR) * NR) * RUN;
      int64_t from = 0;
      do {
        int64_t length = least(together, g->depth - from);
        if (!direct) {
          pack_some(g, bm, from, length, col, cols, packed);
        }
        int64_t height = ROWS_AT_A_TIME(cols, g->a.transposed);
        for (int64_t row = first_row; row < end_row; row += height) {
          for (int64_t run = 0; run < runs(length); run++) {
            int64_t depth = run_length(length, run);
            int64_t at = from + run * RUN;
            const void *panels = direct ? (const void *)b_at(g, bm, at, col) : packed + panel_at(pieces(cols, NR), length, run, 0);
            run_of_rows(g, am, panels, direct ? g->b.ld : NR, direct ? NR * sizeof(float) : PANEL_BYTES(depth), cm, shift, work, row,
                        least(height, end_row - row), at, depth, col, cols);
          }
        }
        from += length;
      } while (from < g->depth);
    }
  }
  END();
}
