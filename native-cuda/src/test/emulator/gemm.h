// Column-major matrix products by plain loops.
#pragma once

#include <cstdint>

namespace emulator {

enum class Precision { kFloat, kTf32, kDouble };

struct Gemm {
  bool transposeA, transposeB;
  std::int64_t m, n, k;
  std::int64_t lda, ldb, ldc;
  Precision precision;
};

/** C = alpha op(A) op(B) + beta C. C is not read where beta is 0, and A and B are not where alpha is 0. */
void multiply(const Gemm& gemm, double alpha, const void* a, const void* b, double beta, void* c);

}  // namespace emulator
