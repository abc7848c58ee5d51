// Compiled where there is a CUDA toolkit: the emulator's prototypes are those of cuda.h, up to the names of types.
#include <cuda.h>

#define DYNAXX_LINKAGE namespace emulated
#include "api.h"

#include <type_traits>

namespace {

// An enumeration is passed as the integer below it, a handle or any other pointer as an address.
template <class T>
struct Passed {
  using type = T;
};
template <class T>
  requires std::is_enum_v<T>
struct Passed<T> {
  using type = int;
};
template <class T>
struct Passed<T*> {
  using type = void*;
};

template <class T>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using type = typename Passed<R>::type(typename Passed<A>::type...);
};

template <class Real, class Emulated>
constexpr bool same = std::is_same_v<typename Signature<Real>::type, typename Signature<Emulated>::type>;

}  // namespace

// The header renames some functions to their versioned symbols with macros, so the names below are expanded once.
#define SAME(name) static_assert(same<decltype(&::name), decltype(&emulated::name)>, #name)
SAME(cuInit);
SAME(cuDriverGetVersion);
SAME(cuGetErrorName);
SAME(cuGetErrorString);
SAME(cuDeviceGetCount);
SAME(cuDeviceGet);
SAME(cuDeviceGetName);
SAME(cuDeviceGetUuid_v2);
SAME(cuDeviceTotalMem_v2);
SAME(cuDeviceGetAttribute);
SAME(cuDevicePrimaryCtxRetain);
SAME(cuDevicePrimaryCtxRelease_v2);
SAME(cuCtxPushCurrent_v2);
SAME(cuCtxPopCurrent_v2);
SAME(cuCtxSetCurrent);
SAME(cuCtxGetCurrent);
SAME(cuCtxSynchronize);
SAME(cuMemGetInfo_v2);
SAME(cuMemAlloc_v2);
SAME(cuMemFree_v2);
SAME(cuMemAllocHost_v2);
SAME(cuMemFreeHost);
SAME(cuMemcpyHtoDAsync_v2);
SAME(cuMemcpyDtoHAsync_v2);
SAME(cuMemcpyDtoDAsync_v2);
SAME(cuMemcpyHtoD_v2);
SAME(cuMemcpyDtoH_v2);
SAME(cuMemsetD8Async);
SAME(cuMemsetD32Async);
SAME(cuPointerGetAttribute);
SAME(cuMemGetAddressRange_v2);
SAME(cuModuleLoadData);
SAME(cuModuleUnload);
SAME(cuModuleGetFunction);
SAME(cuFuncGetName);
SAME(cuFuncSetAttribute);
SAME(cuFuncGetAttribute);
SAME(cuLaunchKernel);
SAME(cuStreamCreate);
SAME(cuStreamDestroy_v2);
SAME(cuStreamSynchronize);
SAME(cuStreamQuery);
SAME(cuStreamWaitEvent);
SAME(cuStreamBeginCapture_v2);
SAME(cuStreamIsCapturing);
SAME(cuStreamEndCapture);
SAME(cuEventCreate);
SAME(cuEventDestroy_v2);
SAME(cuEventRecord);
SAME(cuEventSynchronize);
SAME(cuEventQuery);
SAME(cuEventElapsedTime);
SAME(cuGraphInstantiateWithFlags);
SAME(cuGraphLaunch);
SAME(cuGraphExecDestroy);
SAME(cuGraphDestroy);
