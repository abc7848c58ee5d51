// Products against plain loops, and the contract that cuBLAS checks or trusts.
#include <cmath>
#include <random>

#include "harness.h"

namespace {

constexpr int kFloat = 0, kDouble = 1;

struct Blas : Device {
  void* handle = nullptr;

  Blas() {
    OK(cublasCreate_v2(&handle));
    OK(cublasSetStream_v2(handle, stream));
  }

  template <class T>
  int gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, DevicePointer a, std::int64_t lda,
           DevicePointer b, std::int64_t ldb, T beta, DevicePointer c, std::int64_t ldc, int compute) {
    int type = sizeof(T) == 8 ? kDouble : kFloat;
    return cublasGemmEx_64(handle, ta, tb, m, n, k, &alpha, reinterpret_cast<void*>(a), type, lda,
                           reinterpret_cast<void*>(b), type, ldb, &beta, reinterpret_cast<void*>(c), type, ldc, compute,
                           -1);
  }
};

template <class T>
std::vector<T> randoms(std::size_t n, unsigned int seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<T> uniform(-1, 1);
  std::vector<T> values(n);
  for (T& v : values) v = uniform(generator);
  return values;
}

template <class T>
std::vector<double> naive(bool ta, bool tb, int m, int n, int k, double alpha, const T* a, int lda, const T* b, int ldb,
                          double beta, const T* c, int ldc) {
  std::vector<double> out(c, c + static_cast<std::size_t>(ldc) * n);
  for (int j = 0; j < n; j++) {
    for (int i = 0; i < m; i++) {
      double sum = 0;
      for (int p = 0; p < k; p++)
        sum += double(ta ? a[i * lda + p] : a[p * lda + i]) * double(tb ? b[p * ldb + j] : b[j * ldb + p]);
      out[j * ldc + i] = alpha * sum + beta * c[j * ldc + i];
    }
  }
  return out;
}

template <class T>
void compare(int compute, double tolerance) {
  for (int shape = 0; shape < 40; shape++) {
    dynaxx_emulator_reset();
    Blas blas;
    bool ta = shape & 1, tb = shape & 2;
    int m = 1 + shape * 7 % 29, n = 1 + shape * 5 % 23, k = shape * 3 % 31;
    int lda = (ta ? k : m) + shape % 3 + 1, ldb = (tb ? n : k) + shape % 2 + 1, ldc = m + shape % 4;
    T alpha = T(1.5), beta = shape % 3 == 0 ? T(0) : T(-0.5);
    std::vector<T> a = randoms<T>(lda * ((ta ? m : k) + 1), 1), b = randoms<T>(ldb * ((tb ? k : n) + 1), 2);
    std::vector<T> c = randoms<T>(ldc * n, 3);
    DevicePointer da = blas.upload(a), db = blas.upload(b), dc = blas.upload(c);
    OK(blas.gemm<T>(ta, tb, m, n, k, alpha, da, lda, db, ldb, beta, dc, ldc, compute));
    std::vector<T> found = blas.download<T>(dc, c.size());
    std::vector<double> expected = naive(ta, tb, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
    for (std::size_t i = 0; i < found.size(); i++) CHECK(std::abs(found[i] - expected[i]) <= tolerance);
    CLEAN();
  }
}

}  // namespace

TEST(gemmFloat) { compare<float>(68, 2e-6); }
TEST(gemmTf32) { compare<float>(77, 2e-2); }
TEST(gemmDouble) { compare<double>(70, 1e-13); }

TEST(tf32CutsItsInputs) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>{1.0f + 1.0f / 4096}), b = blas.upload(std::vector<float>{1.0f});
  DevicePointer wide = blas.upload(std::vector<float>{1.0f + 1.0f / 1024 + 1.0f / 2048}), c = blas.allocate(4);
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, b, 1, 0, c, 1, 77));
  CHECK_EQUAL(blas.download<float>(c, 1)[0], 1.0f);
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, wide, 1, b, 1, 0, c, 1, 77));
  CHECK_EQUAL(blas.download<float>(c, 1)[0], 1.0f + 1.0f / 1024);
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, b, 1, 0, c, 1, 68));
  CHECK_EQUAL(blas.download<float>(c, 1)[0], 1.0f + 1.0f / 4096);
  OK(cublasSetMathMode(blas.handle, 3));
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, b, 1, 0, c, 1, 68));
  CHECK_EQUAL(blas.download<float>(c, 1)[0], 1.0f);
  CLEAN();
}

TEST(betaZeroDoesNotReadC) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>(16, 1)), c = blas.allocate(64);
  OK(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 4, a, 4, 0, c, 4, 68));
  CHECK_EQUAL(blas.download<float>(c, 16)[15], 4.0f);
  CLEAN();
  DevicePointer d = blas.allocate(64);
  OK(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 4, a, 4, 1, d, 4, 68));
  OK(blas.sync());
  ONE_FINDING("uninitialised", "cublasGemmEx_64");
}

TEST(stridedBatches) {
  Blas blas;
  const int m = 5, n = 6, k = 7, batch = 4;
  std::vector<float> a = randoms<float>(m * k, 1), b = randoms<float>(k * n * batch, 2), c(m * n * batch, 0.0f);
  DevicePointer da = blas.upload(a), db = blas.upload(b), dc = blas.upload(c);
  float one = 1, zero = 0;
  OK(cublasGemmStridedBatchedEx_64(blas.handle, 0, 0, m, n, k, &one, reinterpret_cast<void*>(da), kFloat, m, 0,
                                   reinterpret_cast<void*>(db), kFloat, k, k * n, &zero, reinterpret_cast<void*>(dc),
                                   kFloat, m, m * n, batch, 68, -1));
  std::vector<float> found = blas.download<float>(dc, c.size());
  for (int i = 0; i < batch; i++) {
    std::vector<double> expected =
        naive(false, false, m, n, k, 1, a.data(), m, b.data() + i * k * n, k, 0, c.data(), m);
    for (int e = 0; e < m * n; e++) CHECK(std::abs(found[i * m * n + e] - expected[e]) < 1e-6);
  }
  CLEAN();
  OK(cublasGemmStridedBatchedEx_64(blas.handle, 0, 0, m, n, k, &one, reinterpret_cast<void*>(da), kFloat, m, 0,
                                   reinterpret_cast<void*>(db), kFloat, k, k * n, &zero, reinterpret_cast<void*>(dc),
                                   kFloat, m, 0, batch, 68, -1));
  OK(blas.sync());
  ONE_FINDING("race", "cublasGemmStridedBatchedEx_64");
}

TEST(sumsDoNotDependOnTheBatch) {
  Blas blas;
  const int m = 13, n = 9, k = 50, batch = 3;
  std::vector<float> a = randoms<float>(m * k * batch, 1), b = randoms<float>(k * n * batch, 2);
  DevicePointer da = blas.upload(a), db = blas.upload(b), together = blas.allocate(4 * m * n * batch);
  DevicePointer alone = blas.allocate(4 * m * n);
  float one = 1, zero = 0;
  OK(cublasGemmStridedBatchedEx_64(blas.handle, 0, 0, m, n, k, &one, reinterpret_cast<void*>(da), kFloat, m, m * k,
                                   reinterpret_cast<void*>(db), kFloat, k, k * n, &zero,
                                   reinterpret_cast<void*>(together), kFloat, m, m * n, batch, 68, -1));
  std::vector<float> all = blas.download<float>(together, m * n * batch);
  OK(blas.gemm<float>(0, 0, m, n, k, 1, da + 4 * m * k, m, db + 4 * k * n, k, 0, alone, m, 68));
  std::vector<float> second = blas.download<float>(alone, m * n);
  for (int i = 0; i < m * n; i++) CHECK_EQUAL(all[m * n + i], second[i]);
}

TEST(batchesByPointers) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>{1, 2, 3, 4}), b = blas.upload(std::vector<float>{1, 0, 0, 1});
  DevicePointer c = blas.allocate(32);
  DevicePointer as = blas.upload(std::vector<DevicePointer>{a, b}), bs = blas.upload(std::vector<DevicePointer>{b, a});
  std::vector<DevicePointer> results = {c, c + 16};
  DevicePointer cs = blas.upload(results);
  float two = 2, zero = 0;
  auto multiply = [&](const void* arrayC) {
    return cublasGemmBatchedEx_64(blas.handle, 0, 0, 2, 2, 2, &two, reinterpret_cast<void**>(as), kFloat, 2,
                                  reinterpret_cast<void**>(bs), kFloat, 2, &zero, (void* const*)arrayC, kFloat, 2, 2,
                                  68, -1);
  };
  OK(multiply(reinterpret_cast<void*>(cs)));
  std::vector<float> found = blas.download<float>(c, 8);
  for (int i = 0; i < 8; i++) CHECK_EQUAL(found[i], 2.0f * (i % 4 + 1));
  CLEAN();
  OK(multiply(results.data()));  // host memory: found when the product runs
  CHECK_EQUAL(blas.sync(), 700);
  ONE_FINDING("out-of-bounds", "cublasGemmBatchedEx_64");
}

TEST(scalarsInDeviceMemory) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>{3}), c = blas.upload(std::vector<float>{5});
  DevicePointer scalars = blas.upload(std::vector<float>{2, 10});
  auto multiply = [&] {
    return cublasGemmEx_64(blas.handle, 0, 0, 1, 1, 1, reinterpret_cast<void*>(scalars), reinterpret_cast<void*>(a),
                           kFloat, 1, reinterpret_cast<void*>(a), kFloat, 1, reinterpret_cast<void*>(scalars + 4),
                           reinterpret_cast<void*>(c), kFloat, 1, 68, -1);
  };
  CHECK_EQUAL(multiply(), 13);
  ONE_FINDING("pointer-mode", "cublasGemmEx_64");
  OK(cublasSetPointerMode_v2(blas.handle, 1));
  OK(multiply());
  CHECK_EQUAL(blas.download<float>(c, 1)[0], 68.0f);
}

TEST(badShapesAreRefused) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>(64, 1)), c = blas.allocate(256);
  CHECK_EQUAL(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 3, a, 4, 0, c, 4, 68), 7);
  CHECK_EQUAL(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 4, a, 3, 0, c, 4, 68), 7);
  CHECK_EQUAL(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 4, a, 4, 0, c, 3, 68), 7);
  CHECK_EQUAL(blas.gemm<float>(0, 0, -1, 4, 4, 1, a, 4, a, 4, 0, c, 4, 68), 7);
  CHECK_EQUAL(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 4, a, 4, 0, c, 4, 70), 15);
  OK(blas.gemm<float>(0, 0, 0, 4, 4, 1, a, 4, a, 4, 0, c, 4, 68));
  OK(blas.gemm<float>(1, 0, 4, 4, 2, 1, a, 2, a, 2, 0, c, 4, 68));
  CHECK_EQUAL(std::string(cublasGetStatusName(7)), "CUBLAS_STATUS_INVALID_VALUE");
  CHECK_EQUAL(cublasDestroy_v2(reinterpret_cast<void*>(16)), 1);
  CLEAN();
}

TEST(operandsStayInsideTheirAllocations) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>(15, 1)), b = blas.upload(std::vector<float>(16, 1));
  DevicePointer c = blas.allocate(64);
  OK(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 4, b, 4, 0, c, 4, 68));
  CHECK_EQUAL(blas.sync(), 700);
  ONE_FINDING("out-of-bounds", "cublasGemmEx_64");
  CHECK(misuse().find("A of 4 x 4, leading dimension 4") != std::string::npos);
}

TEST(resultsMustNotOverlapOperands) {
  Blas blas;
  std::vector<float> packed(12 * 4, 1);
  DevicePointer a = blas.upload(packed);
  // columns side by side in rows of 12: interleaved, but apart
  OK(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 12, a + 16, 12, 0, a + 32, 12, 68));
  OK(blas.sync());
  CLEAN();
  OK(blas.gemm<float>(0, 0, 4, 4, 4, 1, a, 12, a + 16, 12, 0, a + 28, 12, 68));
  OK(blas.sync());
  ONE_FINDING("overlap", "cublasGemmEx_64");
}

TEST(productsAreCaptured) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>{3}), c = blas.upload(std::vector<float>{1});
  void *graph = nullptr, *exec = nullptr;
  OK(cuStreamBeginCapture_v2(blas.stream, 0));
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, a, 1, 1, c, 1, 68));
  OK(cuStreamEndCapture(blas.stream, &graph));
  OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
  OK(cuGraphLaunch(exec, blas.stream));
  OK(cuGraphLaunch(exec, blas.stream));
  CHECK_EQUAL(blas.download<float>(c, 1)[0], 19.0f);
  CLEAN();
}

TEST(theWorkspaceIsChecked) {
  Blas blas;
  DevicePointer workspace = blas.allocate(4096), a = blas.upload(std::vector<float>{3}), c = blas.allocate(4);
  CHECK_EQUAL(cublasSetWorkspace_v2(blas.handle, reinterpret_cast<void*>(workspace + 16), 1024), 7);
  OK(cublasSetWorkspace_v2(blas.handle, reinterpret_cast<void*>(workspace), 4096));
  OK(cuMemFree_v2(workspace));
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, a, 1, 0, c, 1, 68));
  CHECK_EQUAL(blas.sync(), 700);
  ONE_FINDING("use-after-free", "cublasGemmEx_64");
}

TEST(blasVersions) {
  Blas blas;
  int version = 0, major = 0;
  dynaxx_emulator_cublas_version(120803);
  OK(cublasGetVersion_v2(blas.handle, &version));
  CHECK_EQUAL(version, 120803);
  OK(cublasGetProperty(0, &major));
  CHECK_EQUAL(major, 12);
}

TEST(blasFaults) {
  Blas blas;
  DevicePointer a = blas.upload(std::vector<float>{3}), c = blas.allocate(4);
  dynaxx_emulator_fault("cublasGemmEx_64", 1, 14);
  CHECK_EQUAL(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, a, 1, 0, c, 1, 68), 14);
  OK(blas.gemm<float>(0, 0, 1, 1, 1, 1, a, 1, a, 1, 0, c, 1, 68));
  dynaxx_emulator_fault("cublasCreate_v2", 1, 3);
  void* other = nullptr;
  CHECK_EQUAL(cublasCreate_v2(&other), 3);
}
