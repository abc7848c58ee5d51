// The driver's symbols: devices, contexts, memory, modules and launches. Streams, events and graphs: streams.cpp.
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "findings.h"
#include "memory.h"
#include "runtime.h"
#include "symbols.h"

using namespace emulator;

#define DYNAXX_CALL(needs)          \
  Call call(__func__, needs);       \
  if (call.refused()) return call.status()

namespace {

using DevicePointer = unsigned long long;

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
    {905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"},
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
    case 1: return 1024;                 // threads per block
    case 2: case 3: return 1024;         // block x, y
    case 4: return 64;                   // block z
    case 5: return INT_MAX;              // grid x
    case 6: case 7: return 65535;        // grid y, z
    case 8: return 48 * 1024;            // shared memory per block
    case 9: return 65536;                // constant memory
    case 10: return 32;                  // warp
    case 12: case 82: return 65536;      // registers per block, per multiprocessor
    case 13: return 1980000;             // clock, kHz
    case 14: return 512;                 // texture alignment
    case 15: case 31: return 1;          // overlap, concurrent kernels
    case 16: return 2;                   // multiprocessors: few, so that grid-stride loops take more than one turn
    case 19: case 41: return 1;          // maps host memory, unified addressing
    case 33: return device;              // PCI bus
    case 36: return 2619000;             // memory clock, kHz
    case 37: return 5120;                // bus width
    case 38: return 50 << 20;            // L2
    case 39: return 2048;                // threads per multiprocessor
    case 40: return 3;                   // copy engines
    case 75: return 9;                   // compute capability
    case 76: return 0;
    case 78: return 1;                   // stream priorities
    case 81: return 228 * 1024;          // shared memory per multiprocessor
    case 97: return static_cast<int>(kDynamicShared);   // shared memory per block, opt-in
    case 106: return 32;                 // blocks per multiprocessor
    case 111: return 1024;               // reserved shared memory per block
    default: return 0;
  }
}

// ---- copies -------------------------------------------------------------------------------------------------

// Through the kernel, which says EFAULT where the host has unmapped its buffer; a plain copy would end the process.
bool copyForeign(void* local, void* remote, std::size_t bytes, bool write) {
  std::size_t done = 0;
  while (done < bytes) {
    iovec mine = {static_cast<char*>(local) + done, bytes - done};
    iovec theirs = {static_cast<char*>(remote) + done, bytes - done};
    ssize_t moved = write ? process_vm_writev(getpid(), &mine, 1, &theirs, 1, 0)
                          : process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0);
    if (moved < 0 && (errno == ENOSYS || errno == EPERM)) {
      std::memcpy(write ? theirs.iov_base : mine.iov_base, write ? mine.iov_base : theirs.iov_base, bytes - done);
      return true;
    }
    if (moved <= 0) return false;
    done += static_cast<std::size_t>(moved);
  }
  return true;
}

bool copyHost(void* local, void* remote, std::size_t bytes, bool write) {
  if (!isPinned(reinterpret_cast<std::uintptr_t>(remote), bytes)) return copyForeign(local, remote, bytes, write);
  std::memcpy(write ? remote : local, write ? local : remote, bytes);
  return true;
}

std::uint64_t hash(const void* data, std::size_t bytes) {
  const unsigned char* from = static_cast<const unsigned char*>(data);
  std::uint64_t h[4] = {1, 2, 3, 4};
  std::size_t i = 0;
  for (; i + 32 <= bytes; i += 32) {
    for (int lane = 0; lane < 4; lane++) {
      std::uint64_t word;
      std::memcpy(&word, from + i + 8 * lane, 8);
      h[lane] = (h[lane] ^ word) * 0x9e3779b97f4a7c15ull;
      h[lane] ^= h[lane] >> 29;
    }
  }
  for (; i < bytes; i++) h[0] = (h[0] ^ from[i]) * 0x9e3779b97f4a7c15ull;
  return h[0] ^ (h[1] * 3) ^ (h[2] * 5) ^ (h[3] * 7);
}

void* pointer(DevicePointer address) { return reinterpret_cast<void*>(address); }

// Bounds are the caller's error at the call; what is in the memory is looked at when the copy runs.
int checkBounds(const char* symbol, DevicePointer address, std::size_t bytes) {
  Fault fault = checkRange(address, bytes, false);
  if (fault.kind.empty()) return kSuccess;
  report(fault.kind, symbol, fault.text);
  return kInvalidValue;
}

int fatalBounds(const char* symbol, DevicePointer address, std::size_t bytes) {
  return checkBounds(symbol, address, bytes) == kSuccess ? kSuccess : kIllegalAddress;
}

int upload(const char* symbol, DevicePointer to, const void* from, std::size_t bytes, std::uint64_t expected, bool known) {
  if (int status = fatalBounds(symbol, to, bytes)) return status;
  if (!copyHost(pointer(to), const_cast<void*>(from), bytes, false)) {
    report("host-buffer", symbol, format("the host buffer of %zu bytes was unmapped before the copy ran", bytes));
    return kIllegalAddress;
  }
  markWritten(to, bytes);
  if (known && hash(pointer(to), bytes) != expected) {
    report("host-buffer", symbol, format("the host buffer of %zu bytes was changed before the copy ran", bytes));
  }
  return kSuccess;
}

int download(const char* symbol, void* to, DevicePointer from, std::size_t bytes) {
  if (int status = fatalBounds(symbol, from, bytes)) return status;
  Fault fault = checkRange(from, bytes, true);
  if (!fault.kind.empty()) report(fault.kind, symbol, "copies to the host " + fault.text);
  if (!copyHost(pointer(from), to, bytes, true)) {
    report("host-buffer", symbol, format("the host buffer of %zu bytes was unmapped before the copy ran", bytes));
    return kIllegalAddress;
  }
  return kSuccess;
}

int copyOnDevice(const char* symbol, DevicePointer to, DevicePointer from, std::size_t bytes) {
  if (int status = fatalBounds(symbol, to, bytes)) return status;
  if (int status = fatalBounds(symbol, from, bytes)) return status;
  if (to < from + bytes && from < to + bytes && bytes > 0) {
    report("overlap", symbol, format("source and destination of %zu bytes overlap", bytes));
  }
  std::memmove(pointer(to), pointer(from), bytes);
  if (((to | from) & 3) != 0) {
    markWritten(to, bytes);
    return kSuccess;
  }
  // Unwritten words stay unwritten in the copy.
  std::memmove(deviceWords + (to - deviceBase) / 4, deviceWords + (from - deviceBase) / 4, (bytes + 3) / 4);
  return kSuccess;
}

template <class T>
int fill(const char* symbol, DevicePointer to, T value, std::size_t count) {
  if (int status = fatalBounds(symbol, to, count * sizeof(T))) return status;
  std::fill_n(static_cast<T*>(pointer(to)), count, value);
  markWritten(to, count * sizeof(T));
  return kSuccess;
}

template <class T>
int enqueueFill(const Call& call, DevicePointer to, T value, std::size_t count, void* handle) {
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (to % sizeof(T) != 0) return kInvalidValue;
  if (int status = checkBounds(call.name(), to, count * sizeof(T))) return status;
  const char* symbol = call.name();
  return enqueue(call, stream, symbol, [=] { return fill(symbol, to, value, count); });
}

// ---- launches -----------------------------------------------------------------------------------------------

const void* const kEnd = nullptr;
const void* const kBufferPointer = reinterpret_cast<const void*>(1);
const void* const kBufferSize = reinterpret_cast<const void*>(2);

int wrongArguments(const Kernel& kernel, const std::string& text) {
  report("arguments", kernel.name, text);
  return kInvalidValue;
}

int packedArguments(const Kernel& kernel, void** extra, std::vector<unsigned char>& into) {
  const unsigned char* buffer = nullptr;
  std::size_t size = 0;
  bool sized = false;
  for (int i = 0; extra[i] != kEnd; i += 2) {
    if (extra[i] == kBufferPointer) {
      buffer = static_cast<const unsigned char*>(extra[i + 1]);
    } else if (extra[i] == kBufferSize) {
      size = *static_cast<const std::size_t*>(extra[i + 1]);
      sized = true;
    } else {
      return wrongArguments(kernel, format("extra[%d] is no launch parameter: %p", i, extra[i]));
    }
  }
  std::size_t padded = (kernel.bytes + kernel.alignment - 1) / kernel.alignment * kernel.alignment;
  if (!sized || (buffer == nullptr && kernel.bytes > 0)) {
    return wrongArguments(kernel, "extra holds no buffer pointer and size");
  }
  if (size != kernel.bytes && size != padded) {
    return wrongArguments(kernel, format("the argument buffer: found %zu bytes, expected %u for %u parameters", size,
                                         kernel.bytes, kernel.count));
  }
  into.assign(buffer, buffer + size);
  return kSuccess;
}

int collectArguments(const Kernel& kernel, void** parameters, void** extra, std::vector<unsigned char>& into) {
  if (parameters != nullptr && extra != nullptr) {
    return wrongArguments(kernel, "both kernelParams and extra are given");
  }
  if (extra != nullptr) return packedArguments(kernel, extra, into);
  if (parameters == nullptr && kernel.count > 0) return wrongArguments(kernel, "no arguments are given");
  into.assign(kernel.bytes, 0);
  for (unsigned int i = 0; i < kernel.count; i++) {
    std::memcpy(into.data() + kernel.parameters[i].offset, parameters[i], kernel.parameters[i].size);
  }
  return kSuccess;
}

int badShape(const Launch& launch, unsigned int mostShared) {
  const unsigned int *grid = launch.grid, *block = launch.block;
  unsigned long long threads = 1ull * block[0] * block[1] * block[2];
  bool good = grid[0] > 0 && grid[1] > 0 && grid[2] > 0 && grid[0] <= INT_MAX && grid[1] <= 65535 &&
              grid[2] <= 65535 && threads > 0 && block[0] <= 1024 && block[1] <= 1024 && block[2] <= 64 &&
              threads <= 1024;
  if (!good) {
    return wrongArguments(*launch.kernel, format("grid (%u,%u,%u) of blocks (%u,%u,%u) is not launchable", grid[0],
                                                 grid[1], grid[2], block[0], block[1], block[2]));
  }
  if (launch.sharedBytes > mostShared) {
    return wrongArguments(*launch.kernel, format("dynamic shared memory: found %u bytes, expected at most %u",
                                                 launch.sharedBytes, mostShared));
  }
  return kSuccess;
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

// ---- memory -------------------------------------------------------------------------------------------------

DYNAXX_EXPORT int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  DYNAXX_CALL(kCurrent);
  if (free == nullptr || total == nullptr) return kInvalidValue;
  std::size_t taken = used(call.context().device);
  *total = capacity();
  *free = taken < capacity() ? capacity() - taken : 0;
  return kSuccess;
}

DYNAXX_EXPORT int cuMemAlloc_v2(DevicePointer* address, std::size_t bytes) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (address == nullptr) return kInvalidValue;
  std::uintptr_t made = 0;
  int status = allocate(call.context().device, bytes, &made);
  if (status == kSuccess) *address = made;
  return status;
}

DYNAXX_EXPORT int cuMemFree_v2(DevicePointer address) {
  DYNAXX_CALL(kCurrent | kReleases | kUncapturable);
  if (address == 0) return call.finish(kSuccess);
  drainAll(call.context());   // the driver waits for work that may still use it
  if (release(address)) return call.finish(kSuccess);
  report("bad-free", call.name(), format("0x%llx is no allocation's start: %s", address, describe(address).c_str()));
  return call.finish(kInvalidValue);
}

DYNAXX_EXPORT int cuMemAllocHost_v2(void** address, std::size_t bytes) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (address == nullptr || bytes == 0) return kInvalidValue;
  *address = allocateHost(bytes);
  return *address == nullptr ? kOutOfMemory : kSuccess;
}

DYNAXX_EXPORT int cuMemFreeHost(void* address) {
  DYNAXX_CALL(kCurrent | kReleases | kUncapturable);
  drainAll(call.context());
  if (releaseHost(address)) return call.finish(kSuccess);
  report("bad-free", call.name(), format("%p is no pinned allocation's start", address));
  return call.finish(kInvalidValue);
}

DYNAXX_EXPORT int cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from, std::size_t bytes, void* handle) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (from == nullptr && bytes > 0) return kInvalidValue;
  if (int status = checkBounds(call.name(), to, bytes)) return status;
  bool known = stream->capture == nullptr;
  std::uint64_t expected = known ? hash(from, bytes) : 0;
  const char* symbol = call.name();
  return enqueue(call, stream, symbol, [=] { return upload(symbol, to, from, bytes, expected, known); });
}

DYNAXX_EXPORT int cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, std::size_t bytes, void* handle) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (to == nullptr && bytes > 0) return kInvalidValue;
  if (int status = checkBounds(call.name(), from, bytes)) return status;
  const char* symbol = call.name();
  return enqueue(call, stream, symbol, [=] { return download(symbol, to, from, bytes); });
}

DYNAXX_EXPORT int cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, std::size_t bytes, void* handle) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  if (int status = checkBounds(call.name(), to, bytes)) return status;
  if (int status = checkBounds(call.name(), from, bytes)) return status;
  const char* symbol = call.name();
  return enqueue(call, stream, symbol, [=] { return copyOnDevice(symbol, to, from, bytes); });
}

DYNAXX_EXPORT int cuMemcpyHtoD_v2(DevicePointer to, const void* from, std::size_t bytes) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (int status = checkBounds(call.name(), to, bytes)) return status;
  drainBlocking(call.context());
  if (int status = call.finish(kSuccess)) return status;
  return upload(call.name(), to, from, bytes, 0, false);
}

DYNAXX_EXPORT int cuMemcpyDtoH_v2(void* to, DevicePointer from, std::size_t bytes) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (int status = checkBounds(call.name(), from, bytes)) return status;
  drainBlocking(call.context());
  if (int status = call.finish(kSuccess)) return status;
  return download(call.name(), to, from, bytes);
}

DYNAXX_EXPORT int cuMemsetD8Async(DevicePointer to, unsigned char value, std::size_t count, void* stream) {
  DYNAXX_CALL(kCurrent | kQueues);
  return enqueueFill<unsigned char>(call, to, value, count, stream);
}

DYNAXX_EXPORT int cuMemsetD32Async(DevicePointer to, unsigned int value, std::size_t count, void* stream) {
  DYNAXX_CALL(kCurrent | kQueues);
  return enqueueFill<unsigned int>(call, to, value, count, stream);
}

DYNAXX_EXPORT int cuPointerGetAttribute(void* data, int attribute, DevicePointer address) {
  DYNAXX_CALL(kDriver);
  if (data == nullptr) return kInvalidValue;
  const Allocation* allocation = find(address);
  bool host = allocation == nullptr && isPinned(address, 1);
  if (allocation == nullptr && !host) {
    if (attribute == 13) *static_cast<int*>(data) = 0;
    return attribute == 13 ? kSuccess : kInvalidValue;
  }
  switch (attribute) {
    case 1: *static_cast<void**>(data) = allocation == nullptr ? currentContext() : contextOf(allocation->device); break;
    case 2: *static_cast<unsigned int*>(data) = host ? 1 : 2; break;
    case 3: *static_cast<DevicePointer*>(data) = address; break;
    case 4:
      if (!host) return kInvalidValue;
      *static_cast<void**>(data) = pointer(address);
      break;
    case 7: *static_cast<unsigned long long*>(data) = host ? address : static_cast<unsigned long long>(allocation->serial); break;
    case 8: *static_cast<bool*>(data) = false; break;
    case 9: *static_cast<int*>(data) = host ? 0 : allocation->device; break;
    case 11: *static_cast<DevicePointer*>(data) = host ? std::prev(pinned().upper_bound(address))->first : allocation->address; break;
    case 12: *static_cast<std::size_t*>(data) = host ? std::prev(pinned().upper_bound(address))->second : allocation->bytes; break;
    case 13: *static_cast<int*>(data) = 1; break;
    default: return kInvalidValue;
  }
  return kSuccess;
}

// ---- modules and launches -----------------------------------------------------------------------------------

DYNAXX_EXPORT int cuModuleLoadData(void** module, const void* image) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (module == nullptr || image == nullptr) return kInvalidValue;
  std::string precision;
  if (std::strncmp(static_cast<const char*>(image), "dynaxx-emulator f32", 20) == 0) precision = "f32";
  if (std::strncmp(static_cast<const char*>(image), "dynaxx-emulator f64", 20) == 0) precision = "f64";
  if (precision.empty()) return kInvalidImage;
  auto made = std::make_shared<Module>();
  made->precision = precision;
  *module = runtime().modules.add(made);
  runtime().owners[*module] = &call.context();
  return kSuccess;
}

DYNAXX_EXPORT int cuModuleUnload(void* handle) {
  DYNAXX_CALL(kCurrent | kReleases | kUncapturable);
  std::shared_ptr<Module> module = runtime().modules.find(handle);
  if (module == nullptr) return call.finish(badHandle(call, runtime().modules, handle));
  drainAll(call.context());
  for (const auto& [name, function] : module->functions) runtime().functions.remove(function);
  runtime().modules.remove(handle);
  return call.finish(kSuccess);
}

DYNAXX_EXPORT int cuModuleGetFunction(void** function, void* handle, const char* name) {
  DYNAXX_CALL(kCurrent);
  if (function == nullptr || name == nullptr) return kInvalidValue;
  std::shared_ptr<Module> module = runtime().modules.find(handle);
  if (module == nullptr) return badHandle(call, runtime().modules, handle);
  auto known = module->functions.find(name);
  if (known != module->functions.end()) {
    *function = known->second;
    return kSuccess;
  }
  const Kernel* kernel = findKernel(module->precision, name);
  if (kernel == nullptr) return kNotFound;
  auto made = std::make_shared<Function>();
  made->kernel = kernel;
  made->precision = module->precision;
  *function = runtime().functions.add(made);
  runtime().owners[*function] = &call.context();
  module->functions[name] = *function;
  return kSuccess;
}

DYNAXX_EXPORT int cuFuncGetName(const char** name, void* handle) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (name == nullptr) return kInvalidValue;
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  *name = function->kernel->name;
  return kSuccess;
}

DYNAXX_EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
  DYNAXX_CALL(kCurrent);
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  if (attribute == 9) return value >= -1 && value <= 100 ? kSuccess : kInvalidValue;
  if (attribute != 8 || value < 0 || static_cast<std::size_t>(value) > kDynamicShared) return kInvalidValue;
  function->mostDynamicShared = static_cast<unsigned int>(value);
  return kSuccess;
}

DYNAXX_EXPORT int cuFuncGetAttribute(int* value, int attribute, void* handle) {
  DYNAXX_CALL(kCurrent);
  if (value == nullptr) return kInvalidValue;
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  switch (attribute) {
    case 0: *value = 1024; break;                                               // threads per block
    case 1: *value = static_cast<int>(staticShared(function->precision, function->kernel->name)); break;   // static shared memory
    case 2: case 3: case 7: *value = 0; break;                                   // constants, local memory, cache mode
    case 4: *value = 32; break;                                                  // registers
    case 5: case 6: *value = 90; break;                                          // PTX and binary version
    case 8: *value = static_cast<int>(function->mostDynamicShared); break;
    case 9: *value = -1; break;
    default: return kInvalidValue;
  }
  return kSuccess;
}

DYNAXX_EXPORT int cuLaunchKernel(void* handle, unsigned int gridX, unsigned int gridY, unsigned int gridZ,
                                 unsigned int blockX, unsigned int blockY, unsigned int blockZ,
                                 unsigned int sharedBytes, void* streamHandle, void** parameters, void** extra) {
  DYNAXX_CALL(kCurrent | kQueues);
  std::shared_ptr<Function> function = runtime().functions.find(handle);
  if (function == nullptr) return badHandle(call, runtime().functions, handle);
  std::shared_ptr<Stream> stream = streamOf(call, streamHandle);
  if (stream == nullptr) return kInvalidHandle;
  Launch launch = {function->kernel, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, {}};
  if (int status = badShape(launch, function->mostDynamicShared)) return status;
  if (int status = collectArguments(*function->kernel, parameters, extra, launch.arguments)) return status;
  return enqueue(call, stream, function->kernel->name, [launch = std::move(launch)] {
    runtime().launches++;
    return run(launch);
  });
}
