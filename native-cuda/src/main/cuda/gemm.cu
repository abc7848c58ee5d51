// What goes before a product by cuBLAS: bias, addresses of members, and the parts of split factors.
#include "dynaxx.cuh"

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

// x = high + low, both exact in TF32 (10 bits) up to the last bits of low: Ootomo and Yokota (2022).
KERNEL(gemm_split)(index_t n, const real* x, real* high, real* low) {
  for (index_t i = first_element(); i < n; i += element_step()) {
    float value = float(x[i]);
    union {
      float f;
      unsigned u;
    } bits;
    bits.f = value;
    // round to nearest, ties away from zero; infinities and NaN stay what they are
    if ((bits.u & 0x7f800000u) != 0x7f800000u) {
      bits.u = (bits.u + 0x1000u) & 0xffffe000u;
    }
    high[i] = real(bits.f);
    low[i] = bits.f == value ? real(0) : real(value - bits.f);
  }
}
