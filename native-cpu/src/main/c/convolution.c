/* Convolutions in float32 with the vectors of AVX2 or AVX-512; compiled once for each. */
#include "convolution.h"

#include <math.h>
#include <string.h>

#include "simd.h"

#define INLINE static inline __attribute__((always_inline))
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, SUFFIX)

#ifdef DYNAXX_AVX512
#define SUFFIX avx512
#define MR 14
#define DOT_OUTPUTS 4
#define DOT_ELEMENTS 6
#else
#define SUFFIX avx2
#define MR 6
#define DOT_OUTPUTS 4
#define DOT_ELEMENTS 2
#endif

#define NR (2 * LANES)
/* Length of the sums, as in matrix products. */
#define RUN 128
/* Weights of a plane for one piece of the depth; no power of two, because of the cache's sets. */
#define PITCH (RUN + 16)
/* Elements of windows whose gradients a task takes. */
#define ELEMENTS (8 * DOT_ELEMENTS)
/* Vectors after which sums in float32 go to float64. */
#define FLUSH 1024

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t pieces(int64_t size, int64_t of) { return (size + of - 1) / of; }
static inline int64_t cut_plane(const grid *g) { return g->rows * g->pitch; }
static inline int64_t channel_size(const grid *g) { return g->stride_y * g->stride_x * cut_plane(g); }

EXPORT void NAME(dynaxx_convolution_geometry_)(int64_t out[7]) {
  out[0] = MR;
  out[1] = NR;
  out[2] = PITCH;
  out[3] = RUN;
  out[4] = DOT_OUTPUTS;
  out[5] = ELEMENTS;
  out[6] = NR;
}

/* Pieces of a pass; a window without elements is one piece too, of length 0. */
static inline int64_t pass_pieces(const window_pass *p) { return p->depth == 0 ? 1 : pieces(p->depth, RUN); }

EXPORT void NAME(dynaxx_pack_weights_)(const convolution *g, const window_pass *passes, const int32_t *lists, const float *w, float *packed,
                                       int64_t task) {
  int64_t planes = g->groups * g->outputs;
  int64_t plane = task % planes;
  int64_t member = task / planes;
  const float *from = w + member * g->member_stride + plane / g->within * g->within_stride + plane % g->within * g->row_stride;
  for (int64_t i = 0; i < g->passes; i++) {
    const window_pass *pass = passes + i;
    const int32_t *elements = lists + pass->elements;
    float *to = packed + pass->weights + (member * pass_pieces(pass) * planes + plane) * PITCH;
    for (int64_t p = 0; p < pass->depth; p++) {
      to[p / RUN * planes * PITCH + p % RUN] = from[elements[p]];
    }
  }
}

/* ---- images */

static inline int is_read(const grid *g, int64_t cut) { return cut > 63 || (g->cuts >> cut & 1) != 0; }

static void clear_plane(const grid *g, float *to) {
  for (int64_t cut = 0; cut < g->stride_y * g->stride_x; cut++, to += cut_plane(g)) {
    if (is_read(g, cut)) {
      memset(to, 0, (size_t)cut_plane(g) * sizeof(float));
    }
  }
}

/* n floats at equal distances. */
static void pick(const float *from, int64_t step, int64_t n, float *to) {
  if (step != 2) {
    for (int64_t i = 0; i < n; i++) {
      to[i] = from[i * step];
    }
    return;
  }
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t left = 2 * (n - i) - 1;
    vec a = load_some(from + 2 * i, first_lanes(left));
    vec b = left > LANES ? load_some(from + 2 * i + LANES, first_lanes(left - LANES)) : zero();
    store_some(to + i, first_lanes(n - i), every_second(a, b));
  }
}

/* Where there are zeros. */
static void lay_out_plane(const grid *g, const float *from, float *to) {
  if (g->stride_y == 1 && g->stride_x == 1) {
    int64_t tall = least(g->rows - g->top, g->height);
    int64_t wide = least(g->own - g->left, g->width);
    if (wide <= 0) {
      return;
    }
    to += g->top * g->pitch + g->left;
    int64_t whole = wide / LANES * LANES;
    mask last = first_lanes(wide - whole);
    for (int64_t y = 0; y < tall; y++, from += g->width, to += g->pitch) {
      for (int64_t x = 0; x < whole; x += LANES) {
        store(to + x, load(from + x));
      }
      if (whole < wide) {
        store_some(to + whole, last, load_some(from + whole, last));
      }
    }
    return;
  }
  for (int64_t cut = 0; cut < g->stride_y * g->stride_x; cut++, to += cut_plane(g)) {
    if (!is_read(g, cut)) {
      continue;
    }
    int64_t shift_y = cut / g->stride_x - g->top;
    int64_t shift_x = cut % g->stride_x - g->left;
    int64_t first = shift_x < 0 ? pieces(-shift_x, g->stride_x) : 0;
    int64_t last = least(g->own, g->width > shift_x ? pieces(g->width - shift_x, g->stride_x) : 0);
    for (int64_t row = 0; row < g->rows; row++) {
      int64_t y = row * g->stride_y + shift_y;
      if (y < 0 || y >= g->height) {
        continue;
      }
      const float *line = from + y * g->width + shift_x;
      pick(line + first * g->stride_x, g->stride_x, last - first, to + row * g->pitch + first);
    }
  }
}

/* ---- sums over windows */

/* Sums of a tile, each in the order of the depth. */
INLINE void tile_of(const int planes, const int vectors, int64_t depth, const float *a, const float *data, const int32_t *starts,
                    float *out, int64_t pitch, int add_to) {
  vec sum[MR][2];
#pragma GCC unroll 16
  for (int r = 0; r < planes; r++) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      sum[r][v] = zero();
    }
  }
  for (int64_t p = 0; p < depth; p++) {
    const float *b = data + starts[p];
    vec y[2];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      y[v] = load(b + v * LANES);
    }
#pragma GCC unroll 16
    for (int r = 0; r < planes; r++) {
      vec x = every(a[r * PITCH + p]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) {
        sum[r][v] = fma_(x, y[v], sum[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < planes; r++, out += pitch) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      store(out + v * LANES, add_to ? add(load(out + v * LANES), sum[r][v]) : sum[r][v]);
    }
  }
}

typedef void tile_kernel(int64_t depth, const float *a, const float *data, const int32_t *starts, float *out, int64_t pitch, int add_to);

#define KERNEL(planes)                                                                                                                     \
  static void tile_##planes(int64_t depth, const float *a, const float *data, const int32_t *starts, float *out, int64_t pitch,            \
                            int add_to) {                                                                                                  \
    tile_of(planes, 2, depth, a, data, starts, out, pitch, add_to);                                                                        \
  }                                                                                                                                        \
  static void narrow_##planes(int64_t depth, const float *a, const float *data, const int32_t *starts, float *out, int64_t pitch,          \
                              int add_to) {                                                                                                \
    tile_of(planes, 1, depth, a, data, starts, out, pitch, add_to);                                                                        \
  }

KERNEL(1)
KERNEL(2)
KERNEL(3)
KERNEL(4)
KERNEL(5)
KERNEL(6)
#ifdef DYNAXX_AVX512
KERNEL(7)
KERNEL(8)
KERNEL(9)
KERNEL(10)
KERNEL(11)
KERNEL(12)
KERNEL(13)
KERNEL(14)
#endif

static tile_kernel *const tiles[MR] = {
    tile_1, tile_2,  tile_3,  tile_4,  tile_5,  tile_6,
#ifdef DYNAXX_AVX512
    tile_7, tile_8,  tile_9,  tile_10, tile_11, tile_12, tile_13, tile_14,
#endif
};

/* The first vector of each row only. */
static tile_kernel *const narrow_tiles[MR] = {
    narrow_1, narrow_2,  narrow_3,  narrow_4,  narrow_5,  narrow_6,
#ifdef DYNAXX_AVX512
    narrow_7, narrow_8,  narrow_9,  narrow_10, narrow_11, narrow_12, narrow_13, narrow_14,
#endif
};

/* Takes the places of a plane out of the tiles. */
static void write_plane(const convolution *g, const window_pass *pass, const float *from, int has_bias, float shift, float *to) {
  int64_t n = pass->columns;
  int64_t whole = n / LANES * LANES;
  mask last = first_lanes(n - whole);
  vec shifts = every(shift);
  for (int64_t row = 0; row < pass->rows; row++, from += g->grid.pitch, to += pass->row_step) {
    if (pass->step != 1) {
      for (int64_t j = 0; j < n; j++) {
        float x = g->add ? from[j] + to[j * pass->step] : from[j];
        to[j * pass->step] = has_bias ? x + shift : x;
      }
      continue;
    }
    for (int64_t j = 0; j < n; j += LANES) {
      int some = j == whole;
      vec x = some ? load_some(from + j, last) : load(from + j);
      if (g->add) {
        x = add(x, some ? load_some(to + j, last) : load(to + j));
      }
      if (has_bias) {
        x = add(x, shifts);
      }
      if (some) {
        store_some(to + j, last, x);
      } else {
        store(to + j, x);
      }
    }
  }
}

/* One pass over some images and some planes: a tile's weights stay in the cache for all places. */
static void sums(const convolution *g, const window_pass *pass, const int32_t *starts, const float *packed, const float *bias,
                 const float *data, float *out, int64_t image, int64_t count, int64_t first, int64_t end, float *y) {
  int64_t places = (pass->rows - 1) * g->grid.pitch + (count - 1) * g->grid.step + pass->columns;
  int64_t padded = pieces(places, NR) * NR;
  int64_t size = g->grid.channels * channel_size(&g->grid);
  int64_t group_size = size / g->groups;
  int64_t planes = g->groups * g->outputs;
  int64_t all_pieces = pass_pieces(pass);
  int64_t tall = pieces(end - first, pieces(end - first, MR));
  for (int64_t member = 0; member < g->members; member++) {
    for (int64_t group = 0; group < g->groups; group++) {
      for (int64_t row = first; row < end; row += tall) {
        int64_t rows = least(tall, end - row);
        int64_t plane = group * g->outputs + row;
        for (int64_t piece = 0; piece < all_pieces; piece++) {
          const float *a = packed + pass->weights + ((member * all_pieces + piece) * planes + plane) * PITCH;
          int64_t depth = least(RUN, pass->depth - piece * RUN);
          for (int64_t p = 0; p < padded; p += NR) {
            tiles[rows - 1](depth, a, data + group * group_size + p, starts + piece * RUN, out + p, padded, piece > 0);
          }
        }
        for (int64_t i = 0; i < count; i++) {
          int64_t all = member * g->count + image + i;
          for (int64_t r = 0; r < rows; r++) {
            float shift = bias == NULL ? 0 : bias[all / g->each * g->bias_stride + plane + r];
            write_plane(g, pass, out + r * padded + i * g->grid.step, bias != NULL, shift, y + (all * planes + plane + r) * g->out_plane + pass->first);
          }
        }
      }
    }
  }
}

EXPORT void NAME(dynaxx_convolve_)(const convolution *g, const window_pass *passes, const int32_t *lists, const float *x,
                                   const float *packed, const float *bias, float *y, void *work, int64_t task) {
  int64_t blocks = pieces(g->outputs, g->height);
  int64_t image = task / blocks * g->images;
  int64_t count = least(g->images, g->count - image);
  int64_t first = task % blocks * g->height;
  int64_t end = least(g->outputs, first + g->height);
  int64_t plane = g->grid.height * g->grid.width;
  int64_t channel = channel_size(&g->grid);
  int64_t size = g->grid.channels * channel;
  float *data = work;
  for (int64_t c = 0; c < g->grid.channels; c++) {
    clear_plane(&g->grid, data + c * channel);
    for (int64_t i = 0; i < count; i++) {
      const float *from = x + (image + i) / g->each * g->image_stride + ((image + i) % g->each * g->grid.channels + c) * plane;
      lay_out_plane(&g->grid, from, data + c * channel + i * g->grid.step);
    }
  }
  /* Tiles read behind the last plane, for places that nobody writes. */
  memset(data + size, 0, NR * sizeof(float));
  float *out = data + size + NR;
  for (int64_t i = 0; i < g->passes; i++) {
    int nothing = g->add && bias == NULL && passes[i].depth == 0;
    if (!nothing && passes[i].rows > 0 && passes[i].columns > 0) {
      sums(g, passes + i, lists + passes[i].starts, packed, bias, data, out, image, count, first, end, y);
    }
  }
}

/* ---- gradients of the weights */

EXPORT void NAME(dynaxx_lay_out_)(const weight_gradient *g, const float *x, const float *dy, float *data, float *rows, int64_t task) {
  int64_t in_plane = g->inputs.height * g->inputs.width;
  int64_t channel = channel_size(&g->inputs);
  int64_t size = g->inputs.channels * channel;
  int64_t image = g->from + task;
  memset(data + task * size, 0, (size_t)size * sizeof(float));
  for (int64_t c = 0; c < g->inputs.channels; c++) {
    lay_out_plane(&g->inputs, x + (image * g->inputs.channels + c) * in_plane, data + task * size + c * channel);
  }
  if (task == g->images - 1) {
    memset(data + g->images * size, 0, (size_t)g->behind * sizeof(float));
  }
  int64_t outputs = g->groups * g->outputs;
  int64_t out_plane = g->adjoints.height * g->adjoints.width;
  for (int64_t i = 0; i < g->directions; i++) {
    for (int64_t o = 0; o < outputs; o++) {
      float *row = rows + ((task * g->directions + i) * outputs + o) * g->plane;
      memset(row, 0, (size_t)g->plane * sizeof(float));
      lay_out_plane(&g->adjoints, dy + i * g->dy_stride + (image * outputs + o) * out_plane, row);
    }
  }
}

static double sum_of(vec x) {
  float lanes[LANES];
  store(lanes, x);
  double sum = 0;
  for (int i = 0; i < LANES; i++) {
    sum += lanes[i];
  }
  return sum;
}

/* Dots of some outputs' adjoints with the pixels of some elements of the window, added to sums in float64. */
INLINE void dots(const int outputs, const int elements, int64_t vectors, const float *a, int64_t a_step, const float *b,
                 const int32_t *starts, int64_t images, int64_t a_image, int64_t b_image, double *sums) {
  const float *pixels[DOT_ELEMENTS];
  for (int e = 0; e < elements; e++) {
    pixels[e] = b + starts[e];
  }
  int64_t image = 0;
  int64_t from = 0;
  while (image < images) {
    vec sum[DOT_OUTPUTS][DOT_ELEMENTS];
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++) {
#pragma GCC unroll 8
      for (int e = 0; e < elements; e++) {
        sum[o][e] = zero();
      }
    }
    int64_t steps = 0;
    while (image < images && steps < FLUSH) {
      int64_t end = least(vectors, from + FLUSH);
      steps += end - from;
      int64_t shift_a = image * a_image;
      int64_t shift_b = image * b_image;
      for (int64_t v = from * LANES; v < end * LANES; v += LANES) {
        vec x[DOT_OUTPUTS];
#pragma GCC unroll 8
        for (int o = 0; o < outputs; o++) {
          x[o] = load(a + shift_a + o * a_step + v);
        }
#pragma GCC unroll 8
        for (int e = 0; e < elements; e++) {
          vec y = load(pixels[e] + shift_b + v);
#pragma GCC unroll 8
          for (int o = 0; o < outputs; o++) {
            sum[o][e] = fma_(x[o], y, sum[o][e]);
          }
        }
      }
      from = end == vectors ? 0 : end;
      image += end == vectors;
    }
    for (int o = 0; o < outputs; o++) {
      for (int e = 0; e < elements; e++) {
        sums[o * ELEMENTS + e] += sum_of(sum[o][e]);
      }
    }
  }
}

typedef void dots_kernel(int64_t vectors, const float *a, int64_t a_step, const float *b, const int32_t *starts, int64_t images,
                         int64_t a_image, int64_t b_image, double *sums);

#define DOTS(outputs, elements)                                                                                                            \
  static void dots_##outputs##_##elements(int64_t vectors, const float *a, int64_t a_step, const float *b, const int32_t *starts,          \
                                          int64_t images, int64_t a_image, int64_t b_image, double *sums) {                                \
    dots(outputs, elements, vectors, a, a_step, b, starts, images, a_image, b_image, sums);                                                \
  }
#define DOTS_OF_ALL(elements)                                                                                                              \
  DOTS(1, elements)                                                                                                                        \
  DOTS(2, elements)                                                                                                                        \
  DOTS(3, elements)                                                                                                                        \
  DOTS(4, elements)
#define DOTS_ENTRIES(elements) {dots_1_##elements, dots_2_##elements, dots_3_##elements, dots_4_##elements}

DOTS_OF_ALL(1)
DOTS_OF_ALL(2)
#ifdef DYNAXX_AVX512
DOTS_OF_ALL(3)
DOTS_OF_ALL(4)
DOTS_OF_ALL(5)
DOTS_OF_ALL(6)
#endif

static dots_kernel *const all_dots[DOT_ELEMENTS][DOT_OUTPUTS] = {
    DOTS_ENTRIES(1), DOTS_ENTRIES(2),
#ifdef DYNAXX_AVX512
    DOTS_ENTRIES(3), DOTS_ENTRIES(4), DOTS_ENTRIES(5), DOTS_ENTRIES(6),
#endif
};

/* Over places of outputs and nothing else. */
static double over_places(const weight_gradient *g, const float *row, const float *pixels, int64_t a_image, int64_t b_image) {
  double sum = 0;
  for (int64_t i = 0; i < g->images; i++) {
    for (int64_t p = 0; p < g->adjoints.height; p++) {
      for (int64_t q = 0; q < g->adjoints.width; q++) {
        int64_t at = p * g->inputs.pitch + q;
        sum += (double)row[i * a_image + at] * pixels[i * b_image + at];
      }
    }
  }
  return sum;
}

EXPORT void NAME(dynaxx_weight_dots_)(const weight_gradient *g, const int32_t *starts, const float *data, const float *rows, float *dw,
                                      int64_t task) {
  int64_t across = pieces(g->depth, ELEMENTS);
  int64_t down = pieces(g->outputs, DOT_OUTPUTS);
  int64_t element = task % across * ELEMENTS;
  int64_t output = task / across % down * DOT_OUTPUTS;
  int64_t group = task / across / down % g->groups;
  int64_t direction = task / across / down / g->groups;
  int64_t outputs = least(DOT_OUTPUTS, g->outputs - output);
  int64_t elements = least(ELEMENTS, g->depth - element);
  int64_t all = g->groups * g->outputs;
  int64_t plane = group * g->outputs + output;
  int64_t size = g->inputs.channels * channel_size(&g->inputs);
  int64_t a_image = g->directions * all * g->plane;
  const float *a = rows + (direction * all + plane) * g->plane;
  const float *b = data + group * (size / g->groups);
  double sums[DOT_OUTPUTS * ELEMENTS] = {0};
  for (int64_t e = 0; e < elements; e += DOT_ELEMENTS) {
    int64_t some = least(DOT_ELEMENTS, elements - e);
    all_dots[some - 1][outputs - 1](g->plane / LANES, a, g->plane, b, starts + element + e, g->images, a_image, size, sums + e);
  }
  for (int64_t o = 0; o < outputs; o++) {
    float *to = dw + direction * g->dw_stride + (plane + o) * g->depth + element;
    for (int64_t e = 0; e < elements; e++) {
      double sum = sums[o * ELEMENTS + e];
      if (!isfinite(sum)) {
        /* A pixel that this element of the window does not meet may have been times 0. */
        sum = over_places(g, a + o * g->plane, b + starts[element + e], a_image, size);
      }
      to[e] = (float)(to[e] + sum);
    }
  }
}

/* ---- gradients of the weights as a matrix product */

/* Sums that are added up before they are added to the total. */
#define RUNS 8

static inline int64_t group_size(const weight_product *g) { return g->rows * g->columns * g->channels; }

/* Where the adjoints of an output start. */
static inline int64_t adjoints(const weight_product *g, int64_t direction, int64_t run, int64_t output) {
  return ((direction * pieces(g->images * g->places, RUN) + run) * g->groups * g->outputs + output) * PITCH;
}

/* Some pixels of a row of some channels. */
static void turn_pixels(const float *from, int64_t plane, int64_t channels, int64_t pixels, float *to, int64_t step) {
  vec x[LANES];
  mask some = first_lanes(pixels);
  for (int64_t c = 0; c < LANES; c++) {
    x[c] = c < channels ? load_some(from + c * plane, some) : zero();
  }
  transpose(x);
  some = first_lanes(channels);
  for (int64_t i = 0; i < pixels; i++) {
    store_some(to + i * step, some, x[i]);
  }
}

static void lay_out_group(const weight_product *g, const float *from, float *to) {
  int64_t plane = g->height * g->width;
  int64_t tall = least(g->rows - g->top, g->height);
  int64_t wide = least(g->columns - g->left, g->width);
  for (int64_t row = 0; row < tall; row++) {
    float *line = to + ((row + g->top) * g->columns + g->left) * g->channels;
    for (int64_t x = 0; x < wide; x += LANES) {
      for (int64_t c = 0; c < g->channels; c += LANES) {
        turn_pixels(from + c * plane + row * g->width + x, plane, least(LANES, g->channels - c), least(LANES, wide - x),
                    line + x * g->channels + c, g->channels);
      }
    }
  }
}

EXPORT void NAME(dynaxx_lay_out_pixels_)(const weight_product *g, const float *x, const float *dy, float *data, float *rows, int64_t task) {
  int64_t image = g->from + task;
  int64_t size = group_size(g);
  data += task * g->groups * size;
  memset(data, 0, (size_t)(g->groups * size) * sizeof(float));
  x += image * g->groups * g->channels * g->height * g->width;
  for (int64_t group = 0; group < g->groups; group++) {
    lay_out_group(g, x + group * g->channels * g->height * g->width, data + group * size);
  }
  int64_t outputs = g->groups * g->outputs;
  int64_t end = (task + 1) * g->places;
  for (int64_t i = 0; i < g->directions; i++) {
    for (int64_t o = 0; o < outputs; o++) {
      const float *from = dy + i * g->dy_stride + (image * outputs + o) * g->places;
      for (int64_t place = task * g->places; place < end;) {
        int64_t n = least(RUN - place % RUN, end - place);
        memcpy(rows + adjoints(g, i, place / RUN, o) + place % RUN, from, (size_t)n * sizeof(float));
        from += n;
        place += n;
      }
    }
  }
}

static void add_row(const float *from, int64_t n, float *to) {
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES) {
    store(to + j, add(load(to + j), load(from + j)));
  }
  if (j < n) {
    mask some = first_lanes(n - j);
    store_some(to + j, some, add(load_some(to + j, some), load_some(from + j, some)));
  }
}

EXPORT void NAME(dynaxx_weight_products_)(const weight_product *g, const int32_t *starts, const column_block *blocks, const float *data,
                                          const float *rows, float *total, int64_t task) {
  int64_t across = pieces(g->blocks, g->blocks_of_task);
  int64_t down = pieces(g->outputs, g->height_of_task);
  int64_t block = task % across * g->blocks_of_task;
  int64_t output = task / across % down * g->height_of_task;
  int64_t group = task / across / down % g->groups;
  int64_t direction = task / across / down / g->groups;
  int64_t height = least(g->height_of_task, g->outputs - output);
  int64_t end = least(g->blocks, block + g->blocks_of_task);
  int64_t length = g->images * g->places;
  int64_t depth = g->window * g->channels;
  output += group * g->outputs;
  total += (direction * g->groups * g->outputs + output) * depth;
  data += group * group_size(g);
  for (int64_t first = 0; first < pieces(length, RUN); first += RUNS) {
    int64_t last = least(pieces(length, RUN), first + RUNS);
    for (int64_t i = block; i < end; i++) {
      float out[MR * NR];
      tile_kernel *kernel = (blocks[i].width > LANES ? tiles : narrow_tiles)[height - 1];
      for (int64_t run = first; run < last; run++) {
        kernel(least(RUN, length - run * RUN), rows + adjoints(g, direction, run, output), data + blocks[i].at, starts + run * RUN, out, NR,
               run > first);
      }
      for (int64_t r = 0; r < height; r++) {
        add_row(out + r * NR, blocks[i].width, total + r * depth + blocks[i].column);
      }
    }
  }
}

static inline int64_t total_size(const weight_product *g) {
  return g->directions * g->groups * g->outputs * g->window * g->channels;
}

EXPORT void NAME(dynaxx_weight_part_)(const weight_product *g, const int32_t *starts, const column_block *blocks, const float *x,
                                      const float *dy, float *total, float *work, int64_t task) {
  weight_product own = *g;
  int64_t each = pieces(g->count, g->parts);
  int64_t end = least(g->count, (task + 1) * each);
  float *rows = work + g->images * g->groups * group_size(g) + NR;
  for (own.from = task * each; own.from < end; own.from += g->images) {
    own.images = least(g->images, end - own.from);
    for (int64_t i = 0; i < own.images; i++) {
      NAME(dynaxx_lay_out_pixels_)(&own, x, dy, work, rows, i);
    }
    for (int64_t i = 0; i < g->tasks; i++) {
      NAME(dynaxx_weight_products_)(&own, starts, blocks, work, rows, total + task * total_size(g), i);
    }
  }
}

EXPORT void NAME(dynaxx_add_weights_)(const weight_product *g, const float *total, float *dw, int64_t task) {
  int64_t outputs = g->groups * g->outputs;
  int64_t depth = g->window * g->channels;
  total += task * depth;
  dw += task / outputs * g->dw_stride + task % outputs * depth;
  for (int64_t c = 0; c < g->channels; c++) {
    for (int64_t e = 0; e < g->window; e++, dw++) {
      double sum = 0;
      for (int64_t part = 0; part < g->parts; part++) {
        sum += total[part * total_size(g) + e * g->channels + c];
      }
      *dw = (float)(*dw + sum);
    }
  }
}

/* In the order of Java's sums. */
EXPORT double NAME(dynaxx_plane_sum_)(const float *x, int64_t at, int64_t images, int64_t step, int64_t size) {
  enum { WIDE = LANES / 2 };
  double sum = 0;
  x += at;
  for (int64_t i = 0; i < images; i++, x += step) {
    wide low = wide_zero();
    wide high = wide_zero();
    int64_t j = 0;
    for (; j + LANES <= size; j += LANES) {
      vec v = load(x + j);
      low = wide_add(low, low_half(v));
      high = wide_add(high, high_half(v));
    }
    if (j < size) {
      vec v = load_some(x + j, first_lanes(size - j));
      low = wide_add(low, low_half(v));
      if (size - j > WIDE) {
        low = wide_add(low, high_half(v));
      }
    }
    double parts[WIDE];
    store_wide(parts, wide_add(low, high));
    for (int half = WIDE / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; l++) {
        parts[l] += parts[l + half];
      }
    }
    sum += parts[0];
  }
  return sum;
}
