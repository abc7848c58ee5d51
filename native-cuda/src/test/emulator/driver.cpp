// The driver's symbols: errors, devices and contexts. Memory, launches and streams have files of their own.
#include <climits>
#include <cstring>

#include "findings.h"
#include "memory.h"
#include "runtime.h"

using namespace emulator;

namespace {

struct ErrorText {
  int status;
  const char *name, *text;
};

constexpr ErrorText kErrors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {4, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {304, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {401, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {702, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
    {710, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
    {714, "CUDA_ERROR_HARDWARE_STACK_ERROR", "hardware stack error"},
    {715, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {717, "CUDA_ERROR_INVALID_ADDRESS_SPACE", "operation not supported on global/shared address space"},
    {718, "CUDA_ERROR_INVALID_PC", "invalid program counter"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {800, "CUDA_ERROR_NOT_PERMITTED", "operation not permitted"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {902, "CUDA_ERROR_STREAM_CAPTURE_MERGE", "operation would result in a merge of separate capture sequences"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not ended in the same stream as it began"},
    {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
    {905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "dependency created on uncaptured work in another stream"},
    {906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {907, "CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"},
    {908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorText* errorText(int status) {
  for (const ErrorText& error : kErrors) {
    if (error.status == status) return &error;
  }
  return nullptr;
}

Context* contextOf(int device) {
  std::unique_ptr<Context>& context = runtime().contexts[device];
  if (context == nullptr) {
    context = std::make_unique<Context>();
    context->device = device;
    context->nullStream = std::make_shared<Stream>();
    context->nullStream->context = context.get();
    context->nullStream->isNull = true;
  }
  return context.get();
}

bool isContext(const void* handle) {
  for (const auto& [device, context] : runtime().contexts) {
    if (context.get() == handle) return true;
  }
  return false;
}

bool badDevice(int device) { return device < 0 || device >= runtime().devices; }

/** Attributes of the emulated device: those of an sm_90 part where a program may depend on them. */
int attributeOf(int attribute, int device) {
  switch (attribute) {
    case 1: return 1024;  // threads per block
    case 2:
    case 3: return 1024;     // block x, y
    case 4: return 64;       // block z
    case 5: return INT_MAX;  // grid x
    case 6:
    case 7: return 65535;      // grid y, z
    case 8: return 48 * 1024;  // shared memory per block
    case 9: return 65536;      // constant memory
    case 10: return 32;        // warp
    case 12:
    case 82: return 65536;    // registers per block, per multiprocessor
    case 13: return 1980000;  // clock, kHz
    case 14: return 512;      // texture alignment
    case 15:
    case 31: return 1;  // overlap, concurrent kernels
    case 16: return 2;  // multiprocessors: few, so that grid-stride loops take more than one turn
    case 19:
    case 41: return 1;         // maps host memory, unified addressing
    case 33: return device;    // PCI bus
    case 36: return 2619000;   // memory clock, kHz
    case 37: return 5120;      // bus width
    case 38: return 50 << 20;  // L2
    case 39: return 2048;      // threads per multiprocessor
    case 40: return 3;         // copy engines
    case 75: return 9;         // compute capability
    case 76: return 0;
    case 78: return 1;                                 // stream priorities
    case 81: return 228 * 1024;                        // shared memory per multiprocessor
    case 97: return static_cast<int>(kDynamicShared);  // shared memory per block, opt-in
    case 106: return 32;                               // blocks per multiprocessor
    case 111: return 1024;                             // reserved shared memory per block
    default: return 0;
  }
}

}  // namespace

// ---- driver and devices -------------------------------------------------------------------------------------

DYNAXX_EXPORT int cuInit(unsigned int flags) {
  DYNAXX_CALL(kNothing);
  if (flags != 0) return kInvalidValue;
  if (runtime().devices == 0) return kNoDevice;
  runtime().initialised = true;
  return kSuccess;
}

DYNAXX_EXPORT int cuDriverGetVersion(int* version) {
  DYNAXX_CALL(kNothing);
  if (version == nullptr) return kInvalidValue;
  *version = runtime().driverVersion;
  return kSuccess;
}

DYNAXX_EXPORT int cuGetErrorName(int error, const char** name) {
  if (name == nullptr) return kInvalidValue;
  const ErrorText* known = errorText(error);
  *name = known == nullptr ? nullptr : known->name;
  return known == nullptr ? kInvalidValue : kSuccess;
}

DYNAXX_EXPORT int cuGetErrorString(int error, const char** text) {
  if (text == nullptr) return kInvalidValue;
  const ErrorText* known = errorText(error);
  *text = known == nullptr ? nullptr : known->text;
  return known == nullptr ? kInvalidValue : kSuccess;
}

DYNAXX_EXPORT int cuDeviceGetCount(int* count) {
  DYNAXX_CALL(kDriver);
  if (count == nullptr) return kInvalidValue;
  *count = runtime().devices;
  return kSuccess;
}

DYNAXX_EXPORT int cuDeviceGet(int* device, int ordinal) {
  DYNAXX_CALL(kDriver);
  if (device == nullptr) return kInvalidValue;
  if (badDevice(ordinal)) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}

DYNAXX_EXPORT int cuDeviceGetName(char* name, int length, int device) {
  DYNAXX_CALL(kDriver);
  if (name == nullptr || length <= 0) return kInvalidValue;
  if (badDevice(device)) return kInvalidDevice;
  copyOut(format("dynaxx emulator %d", device), name, static_cast<std::size_t>(length));
  return kSuccess;
}

DYNAXX_EXPORT int cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
  DYNAXX_CALL(kDriver);
  if (uuid == nullptr) return kInvalidValue;
  if (badDevice(device)) return kInvalidDevice;
  std::memcpy(uuid, "dynaxx emulator", 15);
  uuid[15] = static_cast<unsigned char>(device);
  return kSuccess;
}

DYNAXX_EXPORT int cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
  DYNAXX_CALL(kDriver);
  if (bytes == nullptr) return kInvalidValue;
  if (badDevice(device)) return kInvalidDevice;
  *bytes = capacity();
  return kSuccess;
}

DYNAXX_EXPORT int cuDeviceGetAttribute(int* value, int attribute, int device) {
  DYNAXX_CALL(kDriver);
  if (value == nullptr || attribute < 1 || attribute > 150) return kInvalidValue;
  if (badDevice(device)) return kInvalidDevice;
  *value = attributeOf(attribute, device);
  return kSuccess;
}

// ---- contexts -----------------------------------------------------------------------------------------------

DYNAXX_EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
  DYNAXX_CALL(kDriver);
  if (context == nullptr) return kInvalidValue;
  if (badDevice(device)) return kInvalidDevice;
  Context* primary = contextOf(device);
  if (primary->sticky != kSuccess) return primary->sticky;
  primary->retained++;
  *context = primary;
  return kSuccess;
}

DYNAXX_EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  DYNAXX_CALL(kDriver | kReleases);
  if (badDevice(device)) return kInvalidDevice;
  Context* primary = contextOf(device);
  if (primary->retained == 0) {
    report("context", call.name(), "released more often than retained");
    return kInvalidContext;
  }
  if (--primary->retained > 0) return call.finish(kSuccess);
  if (primary->sticky == kSuccess) drainAll(*primary);
  for (const std::string& object : liveObjects(primary)) report("leak", object, "alive when the context ended");
  destroyObjects(primary);
  primary->nullStream->queue.clear();
  return call.finish(primary->sticky);
}

DYNAXX_EXPORT int cuCtxPushCurrent_v2(void* context) {
  DYNAXX_CALL(kDriver);
  if (!isContext(context)) return kInvalidContext;
  contextStack().push_back(static_cast<Context*>(context));
  return kSuccess;
}

DYNAXX_EXPORT int cuCtxPopCurrent_v2(void** context) {
  DYNAXX_CALL(kDriver | kReleases);
  if (contextStack().empty()) return kInvalidContext;
  if (context != nullptr) *context = contextStack().back();
  contextStack().pop_back();
  return kSuccess;
}

DYNAXX_EXPORT int cuCtxSetCurrent(void* context) {
  DYNAXX_CALL(kDriver);
  if (context != nullptr && !isContext(context)) return kInvalidContext;
  if (!contextStack().empty()) contextStack().pop_back();
  if (context != nullptr) contextStack().push_back(static_cast<Context*>(context));
  return kSuccess;
}

DYNAXX_EXPORT int cuCtxGetCurrent(void** context) {
  DYNAXX_CALL(kDriver);
  if (context == nullptr) return kInvalidValue;
  *context = currentContext();
  return kSuccess;
}

DYNAXX_EXPORT int cuCtxGetDevice(int* device) {
  DYNAXX_CALL(kCurrent);
  if (device == nullptr) return kInvalidValue;
  *device = call.context().device;
  return kSuccess;
}

DYNAXX_EXPORT int cuCtxSynchronize() {
  DYNAXX_CALL(kCurrent | kUncapturable);
  drainAll(call.context());
  return call.finish(kSuccess);
}
