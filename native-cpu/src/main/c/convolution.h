/* Convolutions without a column matrix; Java plans them and calls these functions for each task. */
#ifndef DYNAXX_CONVOLUTION_H
#define DYNAXX_CONVOLUTION_H

#include "product.h"

/* Java's ImageGrid: images with zeros around them, cut by the strides, one or some side by side. */
typedef struct {
  int64_t channels;
  int64_t height;
  int64_t width;
  int64_t stride_y;
  int64_t stride_x;
  int64_t top;
  int64_t left;
  int64_t rows;
  int64_t pitch;
  int64_t own;  /* columns of an image */
  int64_t step; /* from one image to the next */
  int64_t cuts; /* that are read, a bit for each */
} grid;

/* Java's WindowPass, and where its lists and its packed weights start. */
typedef struct {
  int64_t depth;
  int64_t starts;
  int64_t elements;
  int64_t weights;
  int64_t rows;
  int64_t columns;
  int64_t first;
  int64_t row_step;
  int64_t step;
} window_pass;

/* Sums over windows. */
typedef struct {
  grid grid;
  int64_t image_stride; /* between the runs of images */
  int64_t each;         /* images of a run */
  int64_t count;        /* images in all */
  int64_t groups;
  int64_t outputs; /* planes of a group */
  int64_t out_plane;
  int64_t members;       /* sets of weights, each with outputs of its own */
  int64_t member_stride; /* between them */
  int64_t bias_stride;   /* between runs of the bias, one for each run of images or member */
  int64_t add;
  int64_t passes;
  int64_t images; /* of a task */
  int64_t height; /* planes of a task */
  int64_t row_stride;    /* of the weights, from one of `within` planes to the next ... */
  int64_t within;        /* ... and from that many planes to the next */
  int64_t within_stride; /* (channels of the images' gradient lie across the groups) */
} convolution;

/* Gradients of weights: dots of adjoints with pixels, of some images of some directions. */
typedef struct {
  grid inputs;
  grid adjoints; /* at the places of the inputs' grid */
  int64_t plane; /* values of an output's adjoints, whole vectors */
  int64_t directions;
  int64_t images;
  int64_t groups;
  int64_t outputs; /* of a group */
  int64_t depth;   /* elements of a window */
  int64_t from;    /* the first image */
  int64_t dy_stride;
  int64_t dw_stride;
  int64_t behind; /* zeros behind the pixels of the last image */
} weight_gradient;

/* Gradients of weights as a matrix product, with the channels of a group last; see Java's ChannelsLast. */
typedef struct {
  int64_t channels; /* of a group */
  int64_t height;   /* of an image of the caller's */
  int64_t width;
  int64_t top;
  int64_t left;
  int64_t rows; /* of an image laid out */
  int64_t columns;
  int64_t directions;
  int64_t images; /* that are laid out at a time */
  int64_t from;   /* the first of them */
  int64_t groups;
  int64_t outputs; /* of a group */
  int64_t places;  /* of an image */
  int64_t window;  /* elements over one channel */
  int64_t dy_stride;
  int64_t dw_stride;
  int64_t height_of_task; /* outputs */
  int64_t blocks;
  int64_t blocks_of_task;
  int64_t tasks; /* of the images that are laid out */
  int64_t count; /* images in all */
  int64_t parts; /* that are summed apart */
} weight_product;

/* Java's ChannelsLast.Block. */
typedef struct {
  int64_t at;
  int64_t column;
  int64_t width;
} column_block;

#define DECLARE_CONVOLUTION(suffix)                                                                                                        \
  /* [0] planes of a tile, [1] values of a tile's row, [2] weights from plane to plane and piece to piece, [3] length of the sums,         \
     [4] outputs and [5] elements of a task of gradients, [6] values that are read behind */                                               \
  EXPORT void dynaxx_convolution_geometry_##suffix(int64_t out[7]);                                                                        \
  /* Packs the weights of plane task modulo planes for member task / planes, for all passes. */                                            \
  EXPORT void dynaxx_pack_weights_##suffix(const convolution *g, const window_pass *passes, const int32_t *lists, const float *w,          \
                                           float *packed, int64_t task);                                                                   \
  EXPORT void dynaxx_convolve_##suffix(const convolution *g, const window_pass *passes, const int32_t *lists, const float *x,              \
                                       const float *packed, const float *bias, float *y, void *work, int64_t task);                        \
  /* Lays out image number task: its pixels, and its adjoints for all directions. */                                                       \
  EXPORT void dynaxx_lay_out_##suffix(const weight_gradient *g, const float *x, const float *dy, float *data, float *rows, int64_t task);  \
  /* Some outputs of a direction with some elements of the window. */                                                                      \
  EXPORT void dynaxx_weight_dots_##suffix(const weight_gradient *g, const int32_t *starts, const float *data, const float *rows,           \
                                          float *dw, int64_t task);                                                                        \
  /* Lays out image number task: its pixels, channels last, and its adjoints for all directions. */                                        \
  EXPORT void dynaxx_lay_out_pixels_##suffix(const weight_product *g, const float *x, const float *dy, float *data, float *rows,           \
                                             int64_t task);                                                                                \
  /* Some outputs of a direction with some blocks of columns, added to the total. */                                                       \
  EXPORT void dynaxx_weight_products_##suffix(const weight_product *g, const int32_t *starts, const column_block *blocks,                  \
                                              const float *data, const float *rows, float *total, int64_t task);                           \
  /* All of that for part number task, with a total of its own. */                                                                         \
  EXPORT void dynaxx_weight_part_##suffix(const weight_product *g, const int32_t *starts, const column_block *blocks, const float *x,      \
                                          const float *dy, float *total, float *work, int64_t task);                                       \
  /* Adds the totals of output task modulo outputs for direction task / outputs. */                                                         \
  EXPORT void dynaxx_add_weights_##suffix(const weight_product *g, const float *total, float *dw, int64_t task)

DECLARE_CONVOLUTION(avx2);
DECLARE_CONVOLUTION(avx512);

#endif
