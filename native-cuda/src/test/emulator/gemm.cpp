#include "gemm.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace emulator {

namespace {

constexpr int kRows = 8;
constexpr int kColumns = 4;

typedef double Lanes __attribute__((vector_size(32)));

// Ten bits of mantissa, the rest cut off: some tensor cores round, some do not, and this is the worse.
float toTf32(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if ((bits & 0x7f800000u) == 0x7f800000u) return x;
  bits &= ~0x1fffu;
  std::memcpy(&x, &bits, 4);
  return x;
}

template <class T, bool kTf32>
double element(const T* matrix, std::int64_t index) {
  if constexpr (kTf32) return toTf32(matrix[index]);
  else return matrix[index];
}

// Panels of `width` rows of op(X): panel p holds, for each of the k steps, its rows side by side; zeros pad the last.
template <class T, bool kTf32, int kWidth>
void pack(const T* matrix, std::int64_t leading, bool rowsAreColumns, std::int64_t rows, std::int64_t k,
          std::vector<double>& into) {
  std::int64_t panels = (rows + kWidth - 1) / kWidth;
  into.resize(static_cast<std::size_t>(panels * k * kWidth));
  for (std::int64_t panel = 0; panel < panels; panel++) {
    double* out = into.data() + panel * k * kWidth;
    std::int64_t first = panel * kWidth, count = std::min<std::int64_t>(kWidth, rows - first);
    if (rowsAreColumns) {
      for (int r = 0; r < kWidth; r++) {
        const T* column = matrix + (first + r) * leading;
        for (std::int64_t p = 0; p < k; p++) out[p * kWidth + r] = r < count ? element<T, kTf32>(column, p) : 0;
      }
    } else {
      for (std::int64_t p = 0; p < k; p++) {
        const T* row = matrix + p * leading + first;
        for (int r = 0; r < kWidth; r++) out[p * kWidth + r] = r < count ? element<T, kTf32>(row, r) : 0;
      }
    }
  }
}

// One tile of the product: every element's sum runs over k in order, whatever else is computed beside it.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("avx2,fma", "default")))
#endif
void tile(const double* a, const double* b, std::int64_t k, double* out) {
  Lanes sums[kColumns][2] = {};
  for (std::int64_t p = 0; p < k; p++) {
    Lanes low, high;
    std::memcpy(&low, a + p * kRows, sizeof low);
    std::memcpy(&high, a + p * kRows + 4, sizeof high);
    const double* factors = b + p * kColumns;
    for (int j = 0; j < kColumns; j++) {
      Lanes factor = {factors[j], factors[j], factors[j], factors[j]};
      sums[j][0] += low * factor;
      sums[j][1] += high * factor;
    }
  }
  std::memcpy(out, sums, sizeof sums);
}

template <class T>
void store(const Gemm& gemm, double alpha, double beta, T* c, std::int64_t row, std::int64_t column,
           const double* sums) {
  std::int64_t rows = std::min<std::int64_t>(kRows, gemm.m - row);
  std::int64_t columns = std::min<std::int64_t>(kColumns, gemm.n - column);
  for (std::int64_t j = 0; j < columns; j++) {
    T* out = c + (column + j) * gemm.ldc + row;
    for (std::int64_t i = 0; i < rows; i++) {
      double product = alpha * sums[j * kRows + i];
      out[i] = static_cast<T>(beta == 0 ? product : product + beta * out[i]);
    }
  }
}

template <class T, bool kTf32>
void multiplyTyped(const Gemm& gemm, double alpha, const T* a, const T* b, double beta, T* c) {
  // Calls are serialised by the driver's lock; never destroyed, since a process may end while another thread multiplies.
  static std::vector<double>& left = *new std::vector<double>;
  static std::vector<double>& right = *new std::vector<double>;
  std::int64_t k = alpha == 0 ? 0 : gemm.k;
  pack<T, kTf32, kRows>(a, gemm.lda, gemm.transposeA, gemm.m, k, left);
  pack<T, kTf32, kColumns>(b, gemm.ldb, !gemm.transposeB, gemm.n, k, right);
  double sums[kRows * kColumns];
  for (std::int64_t column = 0; column < gemm.n; column += kColumns) {
    for (std::int64_t row = 0; row < gemm.m; row += kRows) {
      tile(left.data() + row * k, right.data() + column * k, k, sums);
      store(gemm, alpha, beta, c, row, column, sums);
    }
  }
}

}  // namespace

void multiply(const Gemm& gemm, double alpha, const void* a, const void* b, double beta, void* c) {
  switch (gemm.precision) {
    case Precision::kFloat:
      multiplyTyped<float, false>(gemm, alpha, static_cast<const float*>(a), static_cast<const float*>(b), beta,
                                  static_cast<float*>(c));
      break;
    case Precision::kTf32:
      multiplyTyped<float, true>(gemm, alpha, static_cast<const float*>(a), static_cast<const float*>(b), beta,
                                 static_cast<float*>(c));
      break;
    case Precision::kDouble:
      multiplyTyped<double, false>(gemm, alpha, static_cast<const double*>(a), static_cast<const double*>(b), beta,
                                   static_cast<double*>(c));
      break;
  }
}

}  // namespace emulator
