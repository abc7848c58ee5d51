// The driver's symbols: memory, copies and fills.
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "counting.h"
#include "findings.h"
#include "memory.h"
#include "runtime.h"

using namespace emulator;

namespace {

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
  Fault fault = checkRange(address, bytes, Depth::kAllocated);
  if (fault.kind.empty()) return kSuccess;
  report(fault.kind, symbol, fault.text);
  return kInvalidValue;
}

int fatalBounds(const char* symbol, DevicePointer address, std::size_t bytes) {
  Fault fault = checkRange(address, bytes, Depth::kInUse);
  if (fault.kind.empty()) return kSuccess;
  report(fault.kind, symbol, fault.text);
  return kIllegalAddress;
}

int upload(const char* symbol, DevicePointer to, const void* from, std::size_t bytes, std::uint64_t expected,
           bool known) {
  countMove("upload", bytes);
  if (countsOnly()) return kSuccess;
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

// Of a device that computes nothing: ones, which neither divide by zero nor end an iteration.
void downloadOnes(void* to, std::size_t bytes) {
  std::vector<double> ones(bytes / sizeof(double) + 1, 1.0);
  copyHost(ones.data(), to, bytes, true);
}

int download(const char* symbol, void* to, DevicePointer from, std::size_t bytes) {
  countMove("download", bytes);
  if (countsOnly()) {
    downloadOnes(to, bytes);
    return kSuccess;
  }
  if (int status = fatalBounds(symbol, from, bytes)) return status;
  Fault fault = checkRange(from, bytes, Depth::kWritten);
  if (!fault.kind.empty()) report(fault.kind, symbol, "copies to the host " + fault.text);
  if (!copyHost(pointer(from), to, bytes, true)) {
    report("host-buffer", symbol, format("the host buffer of %zu bytes was unmapped before the copy ran", bytes));
    return kIllegalAddress;
  }
  return kSuccess;
}

int copyOnDevice(const char* symbol, DevicePointer to, DevicePointer from, std::size_t bytes) {
  countMove("copy", bytes);
  if (countsOnly()) return kSuccess;
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
  countMove("fill", count * sizeof(T));
  if (countsOnly()) return kSuccess;
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

}  // namespace

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
  drainAll(call.context());  // the driver waits for work that may still use it
  if (release(address)) return call.finish(kSuccess);
  report("bad-free", call.name(), format("0x%llx is no allocation's start: %s", address, describe(address).c_str()));
  return call.finish(kInvalidValue);
}

DYNAXX_EXPORT int cuMemAllocHost_v2(void** address, std::size_t bytes) {
  DYNAXX_CALL(kCurrent | kUncapturable);
  if (address == nullptr || bytes == 0) return kInvalidValue;
  *address = allocateHost(call.context().device, bytes);
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
  bool known = stream->capture == nullptr && !countsOnly();
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
  auto memory = host ? std::prev(pinned().upper_bound(address)) : pinned().end();
  DevicePointer start = host ? memory->first : allocation->address;
  std::size_t bytes = host ? memory->second.bytes : allocation->bytes;
  int device = host ? memory->second.device : allocation->device;
  switch (attribute) {
    case 1:
      *static_cast<void**>(data) = runtime().pooled.count(start) > 0 ? nullptr : runtime().contexts[device].get();
      break;
    case 2: *static_cast<unsigned int*>(data) = host ? 1 : 2; break;
    case 3: *static_cast<DevicePointer*>(data) = address; break;
    case 4:
      if (!host) return kInvalidValue;
      *static_cast<void**>(data) = pointer(address);
      break;
    case 7:
      *static_cast<unsigned long long*>(data) = static_cast<unsigned long long>(host ? start : allocation->serial);
      break;
    case 8: *static_cast<bool*>(data) = false; break;
    case 9: *static_cast<int*>(data) = device; break;
    case 11: *static_cast<DevicePointer*>(data) = start; break;
    case 12: *static_cast<std::size_t*>(data) = bytes; break;
    case 13: *static_cast<int*>(data) = 1; break;
    default: return kInvalidValue;
  }
  return kSuccess;
}

DYNAXX_EXPORT int cuMemGetAddressRange_v2(DevicePointer* start, std::size_t* bytes, DevicePointer address) {
  DYNAXX_CALL(kCurrent);
  const Allocation* allocation = find(address);
  if (allocation == nullptr) return kNotFound;
  if (start != nullptr) *start = allocation->address;
  if (bytes != nullptr) *bytes = allocation->bytes;
  return kSuccess;
}
