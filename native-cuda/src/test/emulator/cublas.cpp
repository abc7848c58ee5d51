// The cuBLAS symbols. Sizes and leading dimensions are refused as the library refuses them; what it cannot know, a
// range outside its allocation or an operand that overlaps the result, is misuse.
#include <algorithm>
#include <cstring>

#include "counting.h"
#include "findings.h"
#include "gemm.h"
#include "memory.h"
#include "runtime.h"

using namespace emulator;

namespace {

enum BlasStatus : int {
  kBlasSuccess = 0,
  kBlasNotInitialized = 1,
  kBlasAllocFailed = 3,
  kBlasInvalidValue = 7,
  kBlasExecutionFailed = 13,
  kBlasInternalError = 14,
  kBlasNotSupported = 15,
};

struct StatusText {
  int status;
  const char *name, *text;
};

constexpr StatusText kStatuses[] = {
    {0, "CUBLAS_STATUS_SUCCESS", "the operation completed successfully"},
    {1, "CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"},
    {3, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {7, "CUBLAS_STATUS_INVALID_VALUE", "an unsupported value or parameter was passed to the function"},
    {8, "CUBLAS_STATUS_ARCH_MISMATCH",
     "the function requires an architectural feature absent from the device architecture"},
    {11, "CUBLAS_STATUS_MAPPING_ERROR", "an access to GPU memory space failed"},
    {13, "CUBLAS_STATUS_EXECUTION_FAILED", "the function failed to launch on the GPU"},
    {14, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"},
    {15, "CUBLAS_STATUS_NOT_SUPPORTED", "the functionality requested is not supported"},
    {16, "CUBLAS_STATUS_LICENSE_ERROR", "the functionality requested requires a license"},
};

// The driver's refusals as cuBLAS would say them.
int translated(int status) {
  if (status == kSuccess) return kBlasSuccess;
  if (status == kNotInitialized || status == kInvalidContext) return kBlasNotInitialized;
  if (status == kOutOfMemory) return kBlasAllocFailed;
  if (isFatal(status)) return kBlasExecutionFailed;
  return status < 32 ? status : kBlasInternalError;
}

#define DYNAXX_BLAS_CALL(needs) \
  Call call(__func__, needs);   \
  if (call.refused()) return call.injected() && !isFatal(call.status()) ? call.status() : translated(call.status())

/** A matrix operand of a batch: `columns` runs of `rows` elements, a leading dimension apart. */
struct Matrix {
  std::int64_t rows, columns, leading;
  std::size_t element;

  std::size_t span() const { return rows == 0 || columns == 0 ? 0 : ((columns - 1) * leading + rows) * element; }
};

struct Scalars {
  bool onDevice;
  double alpha, beta;
  const void *alphaPointer, *betaPointer;
};

struct Batch {
  const char* symbol;
  Gemm gemm;
  Scalars scalars;
  std::vector<std::uintptr_t> a, b, c;
  std::uintptr_t workspace;
  std::size_t workspaceBytes;
};

std::size_t elementBytes(const Gemm& gemm) { return gemm.precision == Precision::kDouble ? 8 : 4; }

Matrix matrixA(const Gemm& g) { return {g.transposeA ? g.k : g.m, g.transposeA ? g.m : g.k, g.lda, elementBytes(g)}; }
Matrix matrixB(const Gemm& g) { return {g.transposeB ? g.n : g.k, g.transposeB ? g.k : g.n, g.ldb, elementBytes(g)}; }
Matrix matrixC(const Gemm& g) { return {g.m, g.n, g.ldc, elementBytes(g)}; }

double readScalar(const void* from, bool isDouble) {
  double wide;
  float narrow;
  if (isDouble) {
    std::memcpy(&wide, from, 8);
    return wide;
  }
  std::memcpy(&narrow, from, 4);
  return narrow;
}

// Bounds of the whole range, and that every column was written where it is read. Status of the device.
int checkOperand(const Batch& batch, const char* name, std::uintptr_t address, const Matrix& matrix, bool read) {
  if (matrix.span() == 0) return kSuccess;
  if (address % matrix.element != 0) {
    report("misaligned", batch.symbol, format("%s at 0x%zx is not a multiple of %zu", name, address, matrix.element));
    return 716;
  }
  Fault fault = checkRange(address, matrix.span(), Depth::kAllocated);
  if (!fault.kind.empty()) {
    report(fault.kind, batch.symbol,
           format("%s of %lld x %lld, leading dimension %lld: ", name, static_cast<long long>(matrix.rows),
                  static_cast<long long>(matrix.columns), static_cast<long long>(matrix.leading)) +
               fault.text);
    return kIllegalAddress;
  }
  std::size_t words = static_cast<std::size_t>(matrix.rows) * matrix.element / 4;
  for (std::int64_t j = 0; j < matrix.columns; j++) {
    std::uintptr_t column = address + j * matrix.leading * matrix.element;
    const std::uint8_t* first = deviceWords + (column - deviceBase) / 4;
    if (firstBelow(first, first + words, read ? kWritten : kUnwritten) == first + words) continue;
    Fault bad = checkRange(column, matrix.rows * matrix.element, read ? Depth::kWritten : Depth::kInUse);
    report(bad.kind, batch.symbol, format("%s, column %lld: ", name, static_cast<long long>(j)) + bad.text);
    return bad.kind == "uninitialised" ? kSuccess : kIllegalAddress;
  }
  return kSuccess;
}

void markColumns(std::uintptr_t address, const Matrix& matrix) {
  for (std::int64_t j = 0; j < matrix.columns; j++) {
    markWritten(address + j * matrix.leading * matrix.element, matrix.rows * matrix.element);
  }
}

struct Run {
  std::uintptr_t first, end;
  bool result;
};

void addRuns(std::uintptr_t address, const Matrix& matrix, bool result, std::vector<Run>& runs) {
  for (std::int64_t j = 0; j < matrix.columns && matrix.rows > 0; j++) {
    std::uintptr_t first = address + j * matrix.leading * matrix.element;
    runs.push_back({first, first + matrix.rows * matrix.element, result});
  }
}

// Matrices may lie interleaved in one buffer, so only their columns tell.
bool columnsOverlap(std::uintptr_t a, const Matrix& left, std::uintptr_t c, const Matrix& result) {
  if (a + left.span() <= c || c + result.span() <= a) return false;
  std::vector<Run> runs;
  addRuns(a, left, false, runs);
  addRuns(c, result, true, runs);
  std::sort(runs.begin(), runs.end(), [](const Run& x, const Run& y) { return x.first < y.first; });
  std::uintptr_t ends[2] = {0, 0};
  for (const Run& run : runs) {
    if (run.first < ends[run.result ? 0 : 1]) return true;
    std::uintptr_t& end = ends[run.result ? 1 : 0];
    end = std::max(end, run.end);
  }
  return false;
}

void checkOverlap(const Batch& batch) {
  const Gemm& gemm = batch.gemm;
  Matrix a = matrixA(gemm), b = matrixB(gemm), c = matrixC(gemm);
  std::size_t count = batch.c.size();
  std::vector<std::size_t> sorted(count);
  for (std::size_t i = 0; i < count; i++) sorted[i] = i;
  std::sort(sorted.begin(), sorted.end(), [&](std::size_t x, std::size_t y) { return batch.c[x] < batch.c[y]; });
  for (std::size_t i = 0; i < count; i++) {
    if (columnsOverlap(batch.a[i], a, batch.c[i], c)) report("overlap", batch.symbol, "A and C of one product overlap");
    if (columnsOverlap(batch.b[i], b, batch.c[i], c)) report("overlap", batch.symbol, "B and C of one product overlap");
    if (i > 0 && columnsOverlap(batch.c[sorted[i - 1]], c, batch.c[sorted[i]], c)) {
      report("race", batch.symbol, "two products of one batch write the same elements of C");
    }
  }
}

int resolveScalars(const Batch& batch, double* alpha, double* beta) {
  const Scalars& scalars = batch.scalars;
  *alpha = scalars.alpha;
  *beta = scalars.beta;
  if (!scalars.onDevice) return kSuccess;
  bool isDouble = batch.gemm.precision == Precision::kDouble;
  for (const void* pointer : {scalars.alphaPointer, scalars.betaPointer}) {
    std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
    Fault fault = checkRange(address, isDouble ? 8 : 4, Depth::kWritten);
    if (fault.kind.empty()) continue;
    report(fault.kind, batch.symbol, "alpha or beta in device memory: " + fault.text);
    if (fault.kind != "uninitialised") return kIllegalAddress;
  }
  *alpha = readScalar(scalars.alphaPointer, isDouble);
  *beta = readScalar(scalars.betaPointer, isDouble);
  return kSuccess;
}

// "product|transposes m n depth members|steps of the factors, -1 where members lie anywhere|beta, bytes of an element"
void count(const Batch& batch, std::int64_t strideA, std::int64_t strideB) {
  if (counting == Counting::kOff || counting == Counting::kNothing) return;
  const Gemm& g = batch.gemm;
  countLine(format("product|%d %d %lld %lld %lld %zu|%lld %lld|%d %zu", g.transposeA, g.transposeB,
                   static_cast<long long>(g.m), static_cast<long long>(g.n), static_cast<long long>(g.k),
                   batch.c.size(), static_cast<long long>(strideA), static_cast<long long>(strideB),
                   batch.scalars.beta != 0, elementBytes(g)));
}

int execute(const Batch& batch) {
  double alpha, beta;
  if (int status = resolveScalars(batch, &alpha, &beta)) return status;
  if (batch.workspaceBytes > 0) {
    Fault fault = checkRange(batch.workspace, batch.workspaceBytes, Depth::kInUse);
    if (!fault.kind.empty()) {
      report(fault.kind, batch.symbol, "the workspace: " + fault.text);
      return kIllegalAddress;
    }
  }
  Matrix a = matrixA(batch.gemm), b = matrixB(batch.gemm), c = matrixC(batch.gemm);
  bool reads = alpha != 0 && batch.gemm.k > 0;
  for (std::size_t i = 0; i < batch.c.size(); i++) {
    if (reads) {
      if (int status = checkOperand(batch, "A", batch.a[i], a, true)) return status;
      if (int status = checkOperand(batch, "B", batch.b[i], b, true)) return status;
    }
    if (int status = checkOperand(batch, "C", batch.c[i], c, beta != 0)) return status;
  }
  checkOverlap(batch);
  for (std::size_t i = 0; i < batch.c.size(); i++) {
    multiply(batch.gemm, alpha, reinterpret_cast<const void*>(batch.a[i]), reinterpret_cast<const void*>(batch.b[i]),
             beta, reinterpret_cast<void*>(batch.c[i]));
    markColumns(batch.c[i], c);
  }
  return kSuccess;
}

/** The arguments that the three products share. */
struct Request {
  int transposeA, transposeB;
  std::int64_t m, n, k;
  const void* alpha;
  int typeA;
  std::int64_t lda;
  int typeB;
  std::int64_t ldb;
  const void* beta;
  int typeC;
  std::int64_t ldc, batch;
  int compute, algorithm;
};

// R_32F = 0, R_64F = 1; COMPUTE_32F = 68, its pedantic form 69, FAST_TF32 = 77, COMPUTE_64F = 70 and its pedantic
// form 71.
bool precisionOf(const Request& request, int mathMode, Precision* precision) {
  bool single = request.typeA == 0 && request.typeB == 0 && request.typeC == 0;
  bool wide = request.typeA == 1 && request.typeB == 1 && request.typeC == 1;
  bool tf32Mode = (mathMode & 15) == 3;
  switch (request.compute) {
    case 68: *precision = tf32Mode ? Precision::kTf32 : Precision::kFloat; return single;
    case 69: *precision = Precision::kFloat; return single;
    case 77: *precision = Precision::kTf32; return single;
    case 70:
    case 71: *precision = Precision::kDouble; return wide;
    default: return false;
  }
}

bool badSizes(const Request& r) {
  if (r.transposeA < 0 || r.transposeA > 2 || r.transposeB < 0 || r.transposeB > 2) return true;
  if (r.m < 0 || r.n < 0 || r.k < 0 || r.batch < 0) return true;
  std::int64_t rowsA = r.transposeA == 0 ? r.m : r.k, rowsB = r.transposeB == 0 ? r.k : r.n;
  return r.lda < std::max<std::int64_t>(1, rowsA) || r.ldb < std::max<std::int64_t>(1, rowsB) ||
         r.ldc < std::max<std::int64_t>(1, r.m) || r.alpha == nullptr || r.beta == nullptr;
}

bool knownAlgorithm(int algorithm) {
  return (algorithm >= -1 && algorithm <= 23) || (algorithm >= 99 && algorithm <= 115);
}

/** Fills everything but the addresses; a cuBLAS status. */
int prepareBatch(const Call& call, const Blas& blas, const Request& r, Batch* batch) {
  Precision precision;
  if (badSizes(r)) return kBlasInvalidValue;
  if (r.batch > 65535) return kBlasNotSupported;  // some of the library's kernels have it along the grid's z
  if (!precisionOf(r, blas.mathMode, &precision)) return kBlasNotSupported;
  if (!knownAlgorithm(r.algorithm)) return kBlasInvalidValue;
  batch->symbol = call.name();
  batch->gemm = {r.transposeA != 0, r.transposeB != 0, r.m, r.n, r.k, r.lda, r.ldb, r.ldc, precision};
  batch->scalars = {blas.pointerMode == 1, 0, 0, r.alpha, r.beta};
  if (!batch->scalars.onDevice) {
    bool isDouble = precision == Precision::kDouble;
    if (inDevice(reinterpret_cast<std::uintptr_t>(r.alpha)) || inDevice(reinterpret_cast<std::uintptr_t>(r.beta))) {
      report("pointer-mode", call.name(), "alpha or beta is a device address while the pointer mode is host");
      return kBlasExecutionFailed;
    }
    batch->scalars.alpha = readScalar(r.alpha, isDouble);
    batch->scalars.beta = readScalar(r.beta, isDouble);
  }
  batch->workspace = blas.workspace;
  batch->workspaceBytes = blas.workspaceBytes;
  return kBlasSuccess;
}

int submit(const Call& call, const Blas& blas, Work work) {
  std::shared_ptr<Stream> stream = streamOf(call, blas.stream);
  if (stream == nullptr) return kBlasExecutionFailed;
  return translated(enqueue(call, stream, call.name(), std::move(work)));
}

bool empty(const Request& r) { return r.m == 0 || r.n == 0 || r.batch == 0; }

int strided(const Call& call, void* handle, const Request& r, const void* a, std::int64_t strideA, const void* b,
            std::int64_t strideB, void* c, std::int64_t strideC) {
  std::shared_ptr<Blas> blas = runtime().blas.find(handle);
  if (blas == nullptr) {
    badHandle(call, runtime().blas, handle);
    return kBlasNotInitialized;
  }
  Batch batch;
  if (int status = prepareBatch(call, *blas, r, &batch)) return status;
  if (empty(r)) return kBlasSuccess;
  std::int64_t element = static_cast<std::int64_t>(elementBytes(batch.gemm));
  for (std::int64_t i = 0; i < r.batch; i++) {
    batch.a.push_back(reinterpret_cast<std::uintptr_t>(a) + i * strideA * element);
    batch.b.push_back(reinterpret_cast<std::uintptr_t>(b) + i * strideB * element);
    batch.c.push_back(reinterpret_cast<std::uintptr_t>(c) + i * strideC * element);
  }
  return submit(call, *blas, [batch = std::move(batch), strideA, strideB] {
    count(batch, strideA, strideB);
    return countsOnly() ? kSuccess : execute(batch);
  });
}

int readPointers(const char* symbol, const char* name, const void* const* from, std::int64_t count,
                 std::vector<std::uintptr_t>& into) {
  std::uintptr_t address = reinterpret_cast<std::uintptr_t>(from);
  Fault fault = checkRange(address, static_cast<std::size_t>(count) * 8, Depth::kWritten);
  if (!fault.kind.empty()) {
    report(fault.kind, symbol, format("the array of pointers %s: ", name) + fault.text);
    return kIllegalAddress;
  }
  into.resize(static_cast<std::size_t>(count));
  std::memcpy(into.data(), from, static_cast<std::size_t>(count) * 8);
  return kSuccess;
}

}  // namespace

DYNAXX_EXPORT int cublasCreate_v2(void** handle) {
  DYNAXX_BLAS_CALL(kCurrent | kUncapturable);
  if (handle == nullptr) return kBlasInvalidValue;
  auto made = std::make_shared<Blas>();
  made->context = &call.context();
  *handle = runtime().blas.add(made);
  runtime().owners[*handle] = &call.context();
  return kBlasSuccess;
}

DYNAXX_EXPORT int cublasDestroy_v2(void* handle) {
  DYNAXX_BLAS_CALL(kCurrent | kReleases);
  std::shared_ptr<Blas> blas = runtime().blas.find(handle);
  if (blas == nullptr) {
    badHandle(call, runtime().blas, handle);
    return kBlasNotInitialized;
  }
  if (call.context().sticky == kSuccess) drainAll(call.context());  // the library synchronises here
  runtime().blas.remove(handle);
  return translated(call.finish(kSuccess));
}

#define DYNAXX_BLAS_HANDLE()                                \
  std::shared_ptr<Blas> blas = runtime().blas.find(handle); \
  if (blas == nullptr) {                                    \
    badHandle(call, runtime().blas, handle);                \
    return kBlasNotInitialized;                             \
  }

DYNAXX_EXPORT int cublasSetStream_v2(void* handle, void* stream) {
  DYNAXX_BLAS_CALL(kCurrent);
  DYNAXX_BLAS_HANDLE();
  if (streamOf(call, stream) == nullptr) return kBlasInvalidValue;
  blas->stream = stream;
  blas->workspace = 0;  // the library falls back to its own workspace here
  blas->workspaceBytes = 0;
  return kBlasSuccess;
}

DYNAXX_EXPORT int cublasSetWorkspace_v2(void* handle, void* workspace, std::size_t bytes) {
  DYNAXX_BLAS_CALL(kCurrent);
  DYNAXX_BLAS_HANDLE();
  std::uintptr_t address = reinterpret_cast<std::uintptr_t>(workspace);
  if (address % 256 != 0) return kBlasInvalidValue;
  Fault fault = checkRange(address, bytes, Depth::kAllocated);
  if (!fault.kind.empty()) {
    report(fault.kind, call.name(), "the workspace: " + fault.text);
    return kBlasInvalidValue;
  }
  blas->workspace = address;
  blas->workspaceBytes = bytes;
  return kBlasSuccess;
}

DYNAXX_EXPORT int cublasSetMathMode(void* handle, int mode) {
  DYNAXX_BLAS_CALL(kCurrent);
  DYNAXX_BLAS_HANDLE();
  if ((mode & ~16) < 0 || (mode & ~16) > 3) return kBlasInvalidValue;
  blas->mathMode = mode;
  return kBlasSuccess;
}

DYNAXX_EXPORT int cublasSetPointerMode_v2(void* handle, int mode) {
  DYNAXX_BLAS_CALL(kCurrent);
  DYNAXX_BLAS_HANDLE();
  if (mode != 0 && mode != 1) return kBlasInvalidValue;
  blas->pointerMode = mode;
  return kBlasSuccess;
}

DYNAXX_EXPORT int cublasGetVersion_v2(void* handle, int* version) {
  DYNAXX_BLAS_CALL(kNothing);
  DYNAXX_BLAS_HANDLE();
  if (version == nullptr) return kBlasInvalidValue;
  *version = runtime().blasVersion;
  return kBlasSuccess;
}

DYNAXX_EXPORT int cublasGetProperty(int type, int* value) {
  DYNAXX_BLAS_CALL(kNothing);
  if (value == nullptr || type < 0 || type > 2) return kBlasInvalidValue;
  int version = runtime().blasVersion;
  *value = type == 0 ? version / 10000 : type == 1 ? version / 100 % 100 : version % 100;
  return kBlasSuccess;
}

DYNAXX_EXPORT const char* cublasGetStatusName(int status) {
  for (const StatusText& known : kStatuses) {
    if (known.status == status) return known.name;
  }
  return "CUBLAS_STATUS_UNKNOWN";
}

DYNAXX_EXPORT const char* cublasGetStatusString(int status) {
  for (const StatusText& known : kStatuses) {
    if (known.status == status) return known.text;
  }
  return "unknown error code";
}

DYNAXX_EXPORT int cublasGemmEx_64(void* handle, int transposeA, int transposeB, std::int64_t m, std::int64_t n,
                                  std::int64_t k, const void* alpha, const void* a, int typeA, std::int64_t lda,
                                  const void* b, int typeB, std::int64_t ldb, const void* beta, void* c, int typeC,
                                  std::int64_t ldc, int compute, int algorithm) {
  DYNAXX_BLAS_CALL(kCurrent | kQueues);
  Request request = {transposeA, transposeB, m,    n,     k,   alpha, typeA,   lda,
                     typeB,      ldb,        beta, typeC, ldc, 1,     compute, algorithm};
  return strided(call, handle, request, a, 0, b, 0, c, 0);
}

DYNAXX_EXPORT int cublasGemmStridedBatchedEx_64(void* handle, int transposeA, int transposeB, std::int64_t m,
                                                std::int64_t n, std::int64_t k, const void* alpha, const void* a,
                                                int typeA, std::int64_t lda, long long strideA, const void* b,
                                                int typeB, std::int64_t ldb, long long strideB, const void* beta,
                                                void* c, int typeC, std::int64_t ldc, long long strideC,
                                                std::int64_t batch, int compute, int algorithm) {
  DYNAXX_BLAS_CALL(kCurrent | kQueues);
  Request request = {transposeA, transposeB, m,    n,     k,   alpha, typeA,   lda,
                     typeB,      ldb,        beta, typeC, ldc, batch, compute, algorithm};
  return strided(call, handle, request, a, strideA, b, strideB, c, strideC);
}

DYNAXX_EXPORT int cublasGemmBatchedEx_64(void* handle, int transposeA, int transposeB, std::int64_t m, std::int64_t n,
                                         std::int64_t k, const void* alpha, const void* const* a, int typeA,
                                         std::int64_t lda, const void* const* b, int typeB, std::int64_t ldb,
                                         const void* beta, void* const* c, int typeC, std::int64_t ldc,
                                         std::int64_t batchCount, int compute, int algorithm) {
  DYNAXX_BLAS_CALL(kCurrent | kQueues);
  DYNAXX_BLAS_HANDLE();
  Request request = {transposeA, transposeB, m,    n,     k,   alpha,      typeA,   lda,
                     typeB,      ldb,        beta, typeC, ldc, batchCount, compute, algorithm};
  Batch batch;
  if (int status = prepareBatch(call, *blas, request, &batch)) return status;
  if (empty(request)) return kBlasSuccess;
  return submit(call, *blas, [batch = std::move(batch), a, b, c, batchCount]() mutable {
    batch.c.resize(static_cast<std::size_t>(batchCount));
    count(batch, -1, -1);
    if (countsOnly()) return static_cast<int>(kSuccess);
    if (int status = readPointers(batch.symbol, "A", a, batchCount, batch.a)) return status;
    if (int status = readPointers(batch.symbol, "B", b, batchCount, batch.b)) return status;
    if (int status = readPointers(batch.symbol, "C", c, batchCount, batch.c)) return status;
    return execute(batch);
  });
}
