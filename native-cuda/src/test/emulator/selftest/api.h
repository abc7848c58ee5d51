// The emulator's symbols, declared as a host binds them.
#pragma once

#include <cstddef>
#include <cstdint>

// abi_check.cpp declares them once more, in a namespace, to compare them with the real header.
#ifndef DYNAXX_LINKAGE
#define DYNAXX_LINKAGE extern "C"
#endif

DYNAXX_LINKAGE {
  using DevicePointer = unsigned long long;

  int cuInit(unsigned int flags);
  int cuDriverGetVersion(int* version);
  int cuGetErrorName(int error, const char** name);
  int cuGetErrorString(int error, const char** text);
  int cuDeviceGetCount(int* count);
  int cuDeviceGet(int* device, int ordinal);
  int cuDeviceGetName(char* name, int length, int device);
  int cuDeviceGetUuid_v2(unsigned char* uuid, int device);
  int cuDeviceTotalMem_v2(std::size_t* bytes, int device);
  int cuDeviceGetAttribute(int* value, int attribute, int device);
  int cuDevicePrimaryCtxRetain(void** context, int device);
  int cuDevicePrimaryCtxRelease_v2(int device);
  int cuCtxPushCurrent_v2(void* context);
  int cuCtxPopCurrent_v2(void** context);
  int cuCtxSetCurrent(void* context);
  int cuCtxGetCurrent(void** context);
  int cuCtxSynchronize();
  int cuMemGetInfo_v2(std::size_t* free, std::size_t* total);
  int cuMemAlloc_v2(DevicePointer * address, std::size_t bytes);
  int cuMemFree_v2(DevicePointer address);
  int cuMemAllocHost_v2(void** address, std::size_t bytes);
  int cuMemFreeHost(void* address);
  int cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from, std::size_t bytes, void* stream);
  int cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, std::size_t bytes, void* stream);
  int cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, std::size_t bytes, void* stream);
  int cuMemcpyHtoD_v2(DevicePointer to, const void* from, std::size_t bytes);
  int cuMemcpyDtoH_v2(void* to, DevicePointer from, std::size_t bytes);
  int cuMemsetD8Async(DevicePointer to, unsigned char value, std::size_t count, void* stream);
  int cuMemsetD32Async(DevicePointer to, unsigned int value, std::size_t count, void* stream);
  int cuPointerGetAttribute(void* data, int attribute, DevicePointer address);
  int cuMemGetAddressRange_v2(DevicePointer * start, std::size_t * bytes, DevicePointer address);
  int cuModuleLoadData(void** module, const void* image);
  int cuModuleUnload(void* module);
  int cuModuleGetFunction(void** function, void* module, const char* name);
  int cuFuncGetName(const char** name, void* function);
  int cuFuncSetAttribute(void* function, int attribute, int value);
  int cuFuncGetAttribute(int* value, int attribute, void* function);
  int cuLaunchKernel(void* function, unsigned int gridX, unsigned int gridY, unsigned int gridZ, unsigned int blockX,
                     unsigned int blockY, unsigned int blockZ, unsigned int sharedBytes, void* stream,
                     void** parameters, void** extra);
  int cuStreamCreate(void** stream, unsigned int flags);
  int cuStreamDestroy_v2(void* stream);
  int cuStreamSynchronize(void* stream);
  int cuStreamQuery(void* stream);
  int cuStreamWaitEvent(void* stream, void* event, unsigned int flags);
  int cuStreamBeginCapture_v2(void* stream, int mode);
  int cuStreamIsCapturing(void* stream, int* state);
  int cuStreamEndCapture(void* stream, void** graph);
  int cuEventCreate(void** event, unsigned int flags);
  int cuEventDestroy_v2(void* event);
  int cuEventRecord(void* event, void* stream);
  int cuEventSynchronize(void* event);
  int cuEventQuery(void* event);
  int cuEventElapsedTime(float* elapsed, void* start, void* end);
  int cuGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long flags);
  int cuGraphLaunch(void* exec, void* stream);
  int cuGraphExecDestroy(void* exec);
  int cuGraphDestroy(void* graph);

  int cublasCreate_v2(void** handle);
  int cublasDestroy_v2(void* handle);
  int cublasSetStream_v2(void* handle, void* stream);
  int cublasSetWorkspace_v2(void* handle, void* workspace, std::size_t bytes);
  int cublasSetMathMode(void* handle, int mode);
  int cublasSetPointerMode_v2(void* handle, int mode);
  int cublasGetVersion_v2(void* handle, int* version);
  int cublasGetProperty(int type, int* value);
  const char* cublasGetStatusName(int status);
  const char* cublasGetStatusString(int status);
  int cublasGemmEx_64(void* handle, int transposeA, int transposeB, std::int64_t m, std::int64_t n, std::int64_t k,
                      const void* alpha, const void* a, int typeA, std::int64_t lda, const void* b, int typeB,
                      std::int64_t ldb, const void* beta, void* c, int typeC, std::int64_t ldc, int compute,
                      int algorithm);
  int cublasGemmStridedBatchedEx_64(void* handle, int transposeA, int transposeB, std::int64_t m, std::int64_t n,
                                    std::int64_t k, const void* alpha, const void* a, int typeA, std::int64_t lda,
                                    long long strideA, const void* b, int typeB, std::int64_t ldb, long long strideB,
                                    const void* beta, void* c, int typeC, std::int64_t ldc, long long strideC,
                                    std::int64_t batch, int compute, int algorithm);
  int cublasGemmBatchedEx_64(void* handle, int transposeA, int transposeB, std::int64_t m, std::int64_t n,
                             std::int64_t k, const void* alpha, const void* const* a, int typeA, std::int64_t lda,
                             const void* const* b, int typeB, std::int64_t ldb, const void* beta, void* const* c,
                             int typeC, std::int64_t ldc, std::int64_t batch, int compute, int algorithm);

  void dynaxx_emulator_reset();
  long dynaxx_emulator_misuse(char* buffer, std::size_t size);
  long dynaxx_emulator_live(char* buffer, std::size_t size);
  void dynaxx_emulator_fault(const char* symbol, long nth, int status);
  void dynaxx_emulator_memory(long bytes);
  void dynaxx_emulator_driver_version(int version);
  void dynaxx_emulator_cublas_version(int version);
  void dynaxx_emulator_devices(int count);
  long dynaxx_emulator_launches();
  void dynaxx_emulator_order(int order);
  void dynaxx_emulator_eager(int eager);
  void dynaxx_emulator_patience(long accesses);
  int dynaxx_emulator_hand_out(DevicePointer address, std::size_t bytes, std::size_t capacity, void* stream);
}
