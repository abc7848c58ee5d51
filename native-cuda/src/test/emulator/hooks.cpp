// What tests of the host side ask of the emulator.
#include <algorithm>
#include <cstring>

#include "counting.h"
#include "findings.h"
#include "memory.h"
#include "runtime.h"

using namespace emulator;

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;

constexpr long kDefaultMemory = 2L << 30;

}  // namespace

/** Forgets everything: objects, findings, faults, errors, settings. Contexts must be retained anew. */
DYNAXX_EXPORT void dynaxx_emulator_reset() {
  Runtime& all = runtime();
  Lock lock(all.mutex);
  for (auto& [device, context] : all.contexts) {
    context->retained = 0;
    context->sticky = kSuccess;
    context->nullStream->queue.clear();
  }
  destroyObjects(nullptr);
  releaseAll();
  all.owners.clear();
  all.pooled.clear();
  contextStack().clear();
  clearFindings();
  clearFaults();
  setCapacity(kDefaultMemory);
  all.initialised = false;
  all.devices = 1;
  all.driverVersion = 13000;
  all.blasVersion = 130100;
  all.launches = 0;
  all.eager = false;
  all.order = 0;
  mostPatience = kPatience;
  firstBlock = 0;
  clearPeak();
  counting = Counting::kOff;
  clearCounted();
  applyEnvironment(all);
}

/** Number of different findings since the reset; their text, one a line, goes to buffer. */
DYNAXX_EXPORT long dynaxx_emulator_misuse(char* buffer, std::size_t size) {
  Lock lock(runtime().mutex);
  copyOut(findingText(), buffer, size);
  return findingCount();
}

/** Number of live objects; their names, one a line, go to buffer. */
DYNAXX_EXPORT long dynaxx_emulator_live(char* buffer, std::size_t size) {
  Lock lock(runtime().mutex);
  std::vector<std::string> live = liveObjects(nullptr);
  std::string text;
  for (const std::string& object : live) text += object + '\n';
  copyOut(text, buffer, size);
  return static_cast<long>(live.size());
}

/** The nth next call of symbol fails with status; a fatal status of a queued call shows when its work is due. */
DYNAXX_EXPORT void dynaxx_emulator_fault(const char* symbol, long nth, int status) {
  Lock lock(runtime().mutex);
  armFault(symbol, nth, status);
}

/** Bytes of device memory of each device. */
DYNAXX_EXPORT void dynaxx_emulator_memory(long bytes) {
  Lock lock(runtime().mutex);
  setCapacity(static_cast<std::size_t>(std::max(0L, bytes)));
}

DYNAXX_EXPORT void dynaxx_emulator_driver_version(int version) {
  Lock lock(runtime().mutex);
  runtime().driverVersion = version;
}

DYNAXX_EXPORT void dynaxx_emulator_cublas_version(int version) {
  Lock lock(runtime().mutex);
  runtime().blasVersion = version;
}

DYNAXX_EXPORT void dynaxx_emulator_devices(int count) {
  Lock lock(runtime().mutex);
  runtime().devices = count;
}

/** Kernels run since the reset, those of graphs included. */
DYNAXX_EXPORT long dynaxx_emulator_launches() {
  Lock lock(runtime().mutex);
  return runtime().launches;
}

/** Blocks of every launch before this one are left out from now on, so that the end of a large grid can be looked at. */
DYNAXX_EXPORT void dynaxx_emulator_first_block(long block) {
  Lock lock(runtime().mutex);
  firstBlock = static_cast<std::uint64_t>(std::max(0L, block));
}

/** From now on: 0 nothing is counted, 1 all is counted and nothing computed, 2 all is both, 3 nothing is either. */
DYNAXX_EXPORT void dynaxx_emulator_count(int how) {
  Lock lock(runtime().mutex);
  counting = static_cast<Counting>(how);
  clearCounted();
}

/** The most bytes that a device has had in use since the reset. */
DYNAXX_EXPORT long dynaxx_emulator_peak() {
  Lock lock(runtime().mutex);
  return static_cast<long>(peak());
}

/** Bytes of what was counted and not taken yet, one line each; where they fit, they go to buffer and are taken. */
DYNAXX_EXPORT long dynaxx_emulator_counted(char* buffer, std::size_t size) {
  Lock lock(runtime().mutex);
  if (countedBytes() > size) return static_cast<long>(countedBytes());
  std::string text = takeCounted();
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<long>(text.size());
}

/** Order of blocks, of threads between barriers, and of streams: 0 forward, 1 reverse, 2 shuffled. */
DYNAXX_EXPORT void dynaxx_emulator_order(int order) {
  Lock lock(runtime().mutex);
  runtime().order = order;
  setOrder(order);
}

/** 1: every operation runs at its call. 0: it runs when somebody waits for it. */
DYNAXX_EXPORT void dynaxx_emulator_eager(int eager) {
  Lock lock(runtime().mutex);
  runtime().eager = eager != 0;
}

/** Accesses that a thread may make between two barriers before its kernel counts as endless; 0 for the default, 2^30.
 */
DYNAXX_EXPORT void dynaxx_emulator_patience(long accesses) {
  Lock lock(runtime().mutex);
  mostPatience = accesses <= 0 ? kPatience : static_cast<std::uint32_t>(std::min<long>(accesses, UINT32_MAX));
}

/** From now on an allocation belongs to its device, not to a context, as those of cuMemAllocAsync do. */
DYNAXX_EXPORT void dynaxx_emulator_pooled(DevicePointer start) {
  Lock lock(runtime().mutex);
  runtime().pooled.insert(start);
}

/**
 * An allocator hands out the first bytes of a block of capacity bytes again (0: it takes the block back). In the order
 * of the stream, these bytes count as never written, and the rest of the block as out of bounds. The driver's status.
 */
DYNAXX_EXPORT int dynaxx_emulator_hand_out(unsigned long long address, std::size_t bytes, std::size_t capacity,
                                           void* handle) {
  Call call(__func__, kCurrent);
  if (call.refused()) return call.status();
  std::shared_ptr<Stream> stream = streamOf(call, handle);
  if (stream == nullptr) return kInvalidHandle;
  Fault fault = checkRange(address, capacity, Depth::kAllocated);
  if (!fault.kind.empty()) report(fault.kind, call.name(), fault.text);
  if (!fault.kind.empty() || bytes > capacity) return kInvalidValue;
  return enqueue(call, stream, call.name(), [=] {
    if (!checkRange(address, capacity, Depth::kAllocated).kind.empty()) return 0;  // freed meanwhile
    markHandedOut(address, bytes, capacity);
    return 0;
  });
}
