// What goes before a product by cuBLAS: bias, addresses of members, and the parts of split factors.
#include "units.cuh"

struct Layout {
  long long offset;
  long long ld;
  long long s0, s1, s2;
};

// C = beta C + bias for every member and row; C is not read if beta is 0. blockIdx.y is the row of all members' rows.
KERNEL(gemm_prepare)(
    int m, int n, int n0, int n1, int n2, double beta, real* c, Layout l, const real* bias, index_t bias_stride) {
  index_t rows = (index_t)n0 * n1 * n2 * m;
  real b = real(beta);
  for (index_t r = (index_t)blockIdx.y; r < rows; r += gridDim.y) {
    index_t member = r / m;
    index_t i = member / ((index_t)n1 * n2), j = member / n2 % n1, k = member % n2;
    real* row = c + l.offset + i * l.s0 + j * l.s1 + k * l.s2 + r % m * l.ld;
    const real* add = bias == nullptr ? nullptr : bias + i * bias_stride;
    for (index_t x = first_element(); x < n; x += element_step()) {
      real old = beta == 0 ? real(0) : b * row[x];
      row[x] = add == nullptr ? old : old + add[x];
    }
  }
}

// Addresses of all members of the three operands, one array after the other.
KERNEL(gemm_members)(
    int n0, int n1, int n2, real* a, Layout la, real* b, Layout lb, real* c, Layout lc, long long* addresses) {
  index_t count = (index_t)n0 * n1 * n2;
  for (index_t member = first_element(); member < count; member += element_step()) {
    index_t i = member / ((index_t)n1 * n2), j = member / n2 % n1, k = member % n2;
    addresses[member] = (long long)(a + la.offset + i * la.s0 + j * la.s1 + k * la.s2);
    addresses[count + member] = (long long)(b + lb.offset + i * lb.s0 + j * lb.s1 + k * lb.s2);
    addresses[2 * count + member] = (long long)(c + lc.offset + i * lc.s0 + j * lc.s1 + k * lc.s2);
  }
}

namespace gemm {

// Nearest float32 with the 10 bits of TF32, ties away from zero; infinities and NaN stay what they are.
__device__ __forceinline__ float rounded(float x) {
  union {
    float f;
    unsigned u;
  } bits;
  bits.f = x;
  if ((bits.u & 0x7f800000u) != 0x7f800000u) {
    bits.u = (bits.u + 0x1000u) & 0xffffe000u;
  }
  return bits.f;
}

}  // namespace gemm

// x = high + low except for the last bits of low, both exact in TF32 (10 bits): Ootomo and Yokota (2022). For each matrix and stored row, the
// parts in columns of `pitch`, bit p of `order` telling whether part p is the high one; what is not there in x is 0. total: rows of all
// matrices that differ, `lines` each; n1, n2: matrices along the last indices.
KERNEL(gemm_split)(
    const real* x, Layout l, int n1, int n2, index_t total, int rows, int cols, int lines, int pitch, real* out, index_t row_step,
    index_t part_step, index_t matrix_step, int parts, int order, int lanes) {
  RowPlace<PACK> at(pitch, lanes);
  if (at.col >= pitch) {
    return;
  }
  for (index_t line = at.row; line < total; line += at.step) {
    index_t matrix = line / lines;
    index_t row = line - matrix * lines;
    index_t i = matrix / ((index_t)n1 * n2), j = matrix / n2 % n1, k = matrix % n2;
    const real* from = x + l.offset + i * l.s0 + j * l.s1 + k * l.s2 + row * l.ld + at.col;
    Unit<PACK> v = {};
    if (row < rows && at.col + PACK <= cols) {
      v = load_unit<PACK>(from);
    } else if (row < rows) {
      for (int c = 0; c < PACK; c++) {
        v.v[c] = at.col + c < cols ? from[c] : real(0);
      }
    }
    Unit<PACK> high, low;
    for (int c = 0; c < PACK; c++) {
      float value = float(v.v[c]);
      float most = gemm::rounded(value);
      high.v[c] = real(most);
      low.v[c] = most == value ? real(0) : real(gemm::rounded(value - most));
    }
    real* to = out + matrix * matrix_step + row * row_step + at.col;
    for (int p = 0; p < parts; p++) {
      store_unit<PACK>(to + p * part_step, order >> p & 1 ? high : low);
    }
  }
}
