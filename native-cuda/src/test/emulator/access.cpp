// Every load and store of a kernel comes through here: the kernels are compiled with -fsanitize=thread, and these are
// the functions that it calls. Finds accesses outside allocations, reads of what nobody wrote, misaligned vector
// accesses, and races: two threads at one word, one of them writing, with no barrier between them.
#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "counting.h"
#include "execution.h"
#include "findings.h"
#include "memory.h"
#include "symbols.h"

extern "C" {
extern DYNAXX_INTERNAL __attribute__((weak)) unsigned char __start_dynaxx_shared[];
extern DYNAXX_INTERNAL __attribute__((weak)) unsigned char __stop_dynaxx_shared[];
}

namespace emulator {

namespace {

struct SharedWord {
  Clock writer, reader;
};

/** Who touched a word of device memory last. A word may lose its entry to another one: that hides a race, no more. */
struct DeviceWord {
  Clock writer, reader;
  std::uint32_t tag;
};

constexpr std::size_t kEntries = std::size_t{1} << 22;

struct Tables {
  DeviceWord* device;
  SharedWord* fixed;  // static shared memory
  SharedWord* dynamic;
  std::uintptr_t fixedBase;
  std::size_t fixedSpan;
  std::vector<std::uint16_t> fixedArrays;  // which array a word belongs to, from 1; 0 is the space between
  std::uintptr_t imageBase, imageEnd;
};

Tables tables = {};

constexpr int kMostSaid = 64;
std::uint32_t saidOf = 0, unwrittenSaid = 0;
int said = 0;

template <class T>
T* zeroed(std::size_t count) {
  void* range = mmap(nullptr, count * sizeof(T) + 4096, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) std::abort();
  return static_cast<T*>(range);
}

int findImage(dl_phdr_info* info, std::size_t, void*) {
  std::uintptr_t low = UINTPTR_MAX, high = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    low = std::min<std::uintptr_t>(low, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    high = std::max<std::uintptr_t>(high, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz);
  }
  std::uintptr_t self = reinterpret_cast<std::uintptr_t>(&now);
  if (self < low || self >= high) return 0;
  tables.imageBase = low;
  tables.imageEnd = high;
  return 1;
}

void makeTables() {
  tables.device = zeroed<DeviceWord>(kEntries);
  tables.dynamic = zeroed<SharedWord>(kDynamicShared / 4 + 1);
  tables.fixedBase = reinterpret_cast<std::uintptr_t>(__start_dynaxx_shared);
  tables.fixedSpan = reinterpret_cast<std::uintptr_t>(__stop_dynaxx_shared) - tables.fixedBase;
  tables.fixed = zeroed<SharedWord>(tables.fixedSpan / 4 + 1);
  dl_iterate_phdr(findImage, nullptr);
  const std::vector<SharedArray>& arrays = sharedArrays();
  tables.fixedArrays.assign(tables.fixedSpan / 4 + 1, arrays.empty() ? 1 : 0);
  for (std::size_t i = 0; i < arrays.size(); i++) {
    std::size_t first = (arrays[i].address - tables.fixedBase) / 4;
    std::fill_n(tables.fixedArrays.begin() + first, (arrays[i].bytes + 3) / 4, i + 1);
  }
}

// "12 bytes past kernel(parameters)::tile (240 bytes)"
std::string describeShared(std::uintptr_t address) {
  const SharedArray* before = nullptr;
  for (const SharedArray& array : sharedArrays()) {
    if (array.address <= address) before = &array;
  }
  if (before == nullptr) return "before all shared arrays";
  std::size_t offset = address - before->address;
  std::string where = offset < before->bytes ? format("byte %zu of ", offset)
                                             : format("%zu bytes past the end of ", offset - before->bytes);
  return where + before->name + format(" (%zu bytes)", before->bytes);
}

// A kernel without its barrier would do nothing but write to the log.
bool saidEnough() {
  if (saidOf != launchFirst) {
    saidOf = launchFirst;
    said = 0;
  }
  return ++said > kMostSaid;
}

std::string describeAnyShared(std::uintptr_t address) {
  if (address - tables.fixedBase < tables.fixedSpan) return describeShared(address);
  return format("byte %zu of dynamic shared memory", address - dynamicShared);
}

bool conflicts(const Clock& mark, unsigned int bytes) {
  if ((mark.bytes & bytes) == 0) return false;
  if (mark.manyBlocks) return !allPublished();
  if (mark.block != now.block) return !published(mark.block, now.block);
  if (mark.epoch != now.epoch) return false;
  if (mark.manyWarps || mark.thread / 32 != now.thread / 32) return true;
  if (mark.warpEpoch < now.warpEpoch) return false;
  return mark.manyThreads || mark.thread != now.thread;
}

std::string nameOf(const Clock& mark) {
  if (mark.manyBlocks) return "threads of several blocks";
  if (mark.block != now.block) return format("thread %d of another block", mark.thread);
  if (mark.manyThreads || mark.manyWarps) return "several threads of the block";
  return format("thread %d of the block", mark.thread);
}

__attribute__((noinline)) void reportRace(const char* kind, const Clock& before, bool wrote, bool writes,
                                          std::uintptr_t address, const std::string& where) {
  if (saidEnough()) return;
  report(kind, runningKernel(),
         format("%s %s 0x%zx (%s) that %s %s with no barrier between", runningThread().c_str(),
                writes ? "writes" : "reads", address, where.c_str(), nameOf(before).c_str(), wrote ? "wrote" : "read"));
}

inline Clock stamp(unsigned int bytes) {
  Clock mark = now;
  mark.bytes = bytes & 15u;
  return mark;
}

// Adds a reader to those of the word. The oldest block is the first whose marks still count.
__attribute__((noinline)) void addReader(Clock& reader, std::uint32_t oldest, unsigned int bytes) {
  if (reader.block == now.block && reader.epoch == now.epoch) {
    bool sameWarp = reader.thread / 32 == now.thread / 32;
    if (sameWarp && reader.warpEpoch < now.warpEpoch) {
      if (reader.manyWarps) return;  // its other readers still count; this one is ordered after those of its warp
    } else {
      if (!sameWarp) reader.manyWarps = 1;
      else if (reader.thread != now.thread) reader.manyThreads = 1;
      reader.bytes |= bytes & 15u;
      return;
    }
  }
  bool others = reader.block >= oldest && (reader.block != now.block || reader.manyBlocks);
  reader = stamp(bytes);
  reader.manyBlocks = others;
}

inline void noteRead(Clock& reader, std::uint32_t oldest, unsigned int bytes) {
  if (reader.block < oldest) reader = stamp(bytes);
  else addReader(reader, oldest, bytes);
}

__attribute__((noinline)) void deviceRace(const Clock& before, bool wrote, bool writes, std::size_t word) {
  std::uintptr_t address = deviceBase + 4 * word;
  reportRace("race", before, wrote, writes, address, describe(address));
}

template <bool kWrite>
inline void touchDevice(std::size_t word, unsigned int bytes) {
  DeviceWord& entry = tables.device[word & (kEntries - 1)];
  std::uint32_t tag = static_cast<std::uint32_t>(word / kEntries);
  if (entry.tag != tag) {
    entry = {};
    entry.tag = tag;
  }
  if ((kWrite ? entry.writer : entry.reader).block < launchFirst) (kWrite ? bytesWritten : bytesRead) += 4;
  if (entry.writer.block >= launchFirst && conflicts(entry.writer, bytes)) deviceRace(entry.writer, true, kWrite, word);
  if (kWrite) {
    if (entry.reader.block >= launchFirst && conflicts(entry.reader, bytes))
      deviceRace(entry.reader, false, true, word);
    entry.writer = stamp(bytes);
  } else {
    noteRead(entry.reader, launchFirst, bytes);
  }
}

template <bool kWrite>
inline void touchShared(SharedWord& word, std::uintptr_t address, unsigned int bytes) {
  if (word.writer.block == now.block) {
    if (conflicts(word.writer, bytes)) {
      reportRace("shared-race", word.writer, true, kWrite, address, describeAnyShared(address));
    }
  } else if (!kWrite && !saidEnough()) {
    report("shared-uninitialised", runningKernel(),
           format("%s reads what no thread of the block wrote: %s", runningThread().c_str(),
                  describeAnyShared(address).c_str()));
  }
  if (kWrite) {
    if (word.reader.block == now.block && conflicts(word.reader, bytes)) {
      reportRace("shared-race", word.reader, false, true, address, describeAnyShared(address));
    }
    word.writer = stamp(bytes);
  } else {
    noteRead(word.reader, now.block, bytes);
  }
}

[[noreturn]] __attribute__((noinline)) void refuse(const std::string& kind, bool write, std::uintptr_t address,
                                                   std::size_t size, const std::string& where, int status) {
  report(kind, runningKernel(),
         format("%s %s %zu bytes at 0x%zx: %s", runningThread().c_str(), write ? "writes" : "reads", size, address,
                where.c_str()));
  abandon(status);
}

__attribute__((noinline)) void badDeviceAccess(bool write, std::uintptr_t address, std::size_t size) {
  Fault fault = checkRange(address, size, write ? Depth::kInUse : Depth::kWritten);
  if (fault.kind == "uninitialised") {
    // Once a launch: a kernel that reads a whole buffer of such words would do nothing but write to the log.
    if (unwrittenSaid == launchFirst) return;
    unwrittenSaid = launchFirst;
    report(fault.kind, runningKernel(), format("%s reads %s", runningThread().c_str(), fault.text.c_str()));
  } else {
    report(fault.kind, runningKernel(),
           format("%s %s %s", runningThread().c_str(), write ? "writes" : "reads", fault.text.c_str()));
    abandon(700);
  }
}

template <bool kWrite>
inline void deviceAccess(std::uintptr_t address, std::size_t size) {
  std::size_t offset = address - deviceBase, first = offset / 4, last = (offset + size - 1) / 4;
  unsigned int bytes = size >= 4 ? 15u : ((1u << size) - 1) << (offset & 3);
  for (std::size_t word = first; word <= last; word++) {
    std::uint8_t state = deviceWords[word];
    if (state != kWritten && (state == kNone || !kWrite)) {
      badDeviceAccess(kWrite, address, size);
    }
    if (kWrite) deviceWords[word] = kWritten;
    touchDevice<kWrite>(word, bytes);
  }
}

template <bool kWrite>
__attribute__((noinline)) void otherAccess(std::uintptr_t address, std::size_t size) {
  unsigned int bytes = size >= 4 ? 15u : ((1u << size) - 1) << (address & 3);
  SharedWord* words = nullptr;
  std::uintptr_t base = 0;
  if (address - tables.fixedBase < tables.fixedSpan) {
    words = tables.fixed;
    base = tables.fixedBase;
    if (tables.fixedArrays[(address + size - 1 - base) / 4] == 0 || tables.fixedArrays[(address - base) / 4] == 0) {
      refuse("shared-out-of-bounds", kWrite, address, size, describeShared(address), 700);
    }
  } else if (address - dynamicShared < kDynamicShared) {
    if (address + size > dynamicShared + dynamicSharedBytes) {
      refuse("shared-out-of-bounds", kWrite, address, size,
             format("byte %zu of %zu bytes of dynamic shared memory", address - dynamicShared, dynamicSharedBytes),
             700);
    }
    words = tables.dynamic;
    base = dynamicShared;
  }
  if (words != nullptr) {
    for (std::size_t w = (address - base) / 4; w <= (address + size - 1 - base) / 4; w++) {
      touchShared<kWrite>(words[w], address, bytes);
    }
    return;
  }
  if (address >= tables.imageBase && address < tables.imageEnd) return;
  if (isPinned(address, size)) return;
  refuse("host-access", kWrite, address, size, "neither device memory nor pinned host memory", 700);
}

__attribute__((noinline)) void endless() {
  report("endless", runningKernel(),
         format("%s made %u accesses between two barriers: does it wait for another thread?", runningThread().c_str(),
                mostPatience));
  abandon(702);
}

template <bool kWrite, std::size_t kSize>
inline void access(const void* pointer) {
  std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
  if (address - stackBase < stackSpan || !inKernel) return;
  if (--patience == 0) endless();
  if ((address & (kSize - 1)) != 0) {
    refuse("misaligned", kWrite, address, kSize, format("not a multiple of %zu", kSize), 716);
  }
  if (inDevice(address)) deviceAccess<kWrite>(address, kSize);
  else otherAccess<kWrite>(address, kSize);
}

template <bool kWrite>
void rangeAccess(const void* pointer, std::size_t size) {
  std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
  if (address - stackBase < stackSpan || !inKernel || size == 0) return;
  if (inDevice(address)) deviceAccess<kWrite>(address, size);
  else otherAccess<kWrite>(address, size);
}

}  // namespace

void setUpAccess() {
  if (tables.device == nullptr) makeTables();
}

void checkAtomic(const void* pointer, int bytes) {
  if (--patience == 0) endless();
  std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
  std::size_t size = static_cast<std::size_t>(bytes);
  if (address % size != 0) refuse("misaligned", true, address, size, format("not a multiple of %zu", size), 716);
  if (!inDevice(address)) return;
  for (std::size_t word = (address - deviceBase) / 4; word <= (address + size - 1 - deviceBase) / 4; word++) {
    if (deviceWords[word] != kWritten) badDeviceAccess(false, address, size);
  }
}

}  // namespace emulator

using namespace emulator;

#define DYNAXX_HOOK extern "C" DYNAXX_INTERNAL
#define DYNAXX_ACCESS(bytes)                                                                        \
  DYNAXX_HOOK void __tsan_read##bytes(void* p) { access<false, bytes>(p); }                         \
  DYNAXX_HOOK void __tsan_write##bytes(void* p) { access<true, bytes>(p); }                         \
  DYNAXX_HOOK void __tsan_volatile_read##bytes(void* p) { access<false, bytes>(p); }                \
  DYNAXX_HOOK void __tsan_volatile_write##bytes(void* p) { access<true, bytes>(p); }                \
  DYNAXX_HOOK void __tsan_unaligned_read##bytes(void* p) { rangeAccess<false>(p, bytes); }          \
  DYNAXX_HOOK void __tsan_unaligned_write##bytes(void* p) { rangeAccess<true>(p, bytes); }          \
  DYNAXX_HOOK void __tsan_unaligned_volatile_read##bytes(void* p) { rangeAccess<false>(p, bytes); } \
  DYNAXX_HOOK void __tsan_unaligned_volatile_write##bytes(void* p) { rangeAccess<true>(p, bytes); } \
  DYNAXX_HOOK void __tsan_read_write##bytes(void* p) {                                              \
    access<false, bytes>(p);                                                                        \
    access<true, bytes>(p);                                                                         \
  }
DYNAXX_ACCESS(1)
DYNAXX_ACCESS(2)
DYNAXX_ACCESS(4)
DYNAXX_ACCESS(8)
DYNAXX_ACCESS(16)

DYNAXX_HOOK void __tsan_read_range(void* p, std::size_t size) { rangeAccess<false>(p, size); }
DYNAXX_HOOK void __tsan_write_range(void* p, std::size_t size) { rangeAccess<true>(p, size); }
DYNAXX_HOOK void dynaxx_emulator_read(const void* p, std::size_t size) { rangeAccess<false>(p, size); }
DYNAXX_HOOK void dynaxx_emulator_write(void* p, std::size_t size) { rangeAccess<true>(p, size); }
DYNAXX_HOOK void __tsan_init() {}
DYNAXX_HOOK void __tsan_func_entry(void*) {}
DYNAXX_HOOK void __tsan_func_exit(void*) {}
DYNAXX_HOOK void __tsan_vptr_update(void**, void*) {}
DYNAXX_HOOK void __tsan_vptr_read(void**) {}
