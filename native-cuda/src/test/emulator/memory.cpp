#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "counting.h"
#include "findings.h"

namespace emulator {

std::uintptr_t deviceBase = 0;
std::size_t deviceSpan = 0;
std::uint8_t* deviceWords = nullptr;

namespace {

constexpr std::size_t kPage = 4096;
// An allocation starts here in its first page: aligned as the driver promises and not more, with a red zone before.
constexpr std::size_t kLead = 256;
constexpr std::size_t kPoisoned = std::size_t{64} << 20;
constexpr std::size_t kRemembered = 20000;

std::map<std::uintptr_t, Allocation> live;
std::map<std::uintptr_t, Allocation> freed;
std::deque<std::uintptr_t> freedOrder;
std::map<std::uintptr_t, Pinned> host;
std::size_t limit = std::size_t{2} << 30;
std::map<int, std::size_t> usage;
std::size_t mostUsed = 0;
std::uintptr_t cursor = 0;
long serials = 0;

std::size_t rounded(std::size_t bytes) { return (bytes + 511) / 512 * 512; }
std::size_t pages(std::size_t bytes) { return (kLead + bytes + kPage - 1) / kPage * kPage; }

void reserve() {
  if (deviceBase != 0) return;
  const char* mebibytes = std::getenv("DYNAXX_EMULATOR_ADDRESSES");
  std::size_t span = (mebibytes == nullptr ? std::size_t{1} << 16 : std::strtoull(mebibytes, nullptr, 10)) << 20;
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* range = mmap(nullptr, span, PROT_NONE, flags, -1, 0);
  void* words = mmap(nullptr, span / 4, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (range == MAP_FAILED || words == MAP_FAILED) {
    std::fprintf(stderr, "dynaxx emulator: cannot reserve %zu bytes of addresses\n", span + span / 4);
    std::abort();
  }
  deviceBase = reinterpret_cast<std::uintptr_t>(range);
  deviceWords = static_cast<std::uint8_t*>(words);
  deviceSpan = span;
  cursor = deviceBase + kPage;
}

// Fresh addresses as long as there are any, so that a stale pointer meets nobody's data.
std::uintptr_t place(std::size_t bytes) {
  for (int round = 0; round < 2; round++) {
    while (cursor + bytes + kPage <= deviceBase + deviceSpan) {
      auto next = live.lower_bound(cursor);
      std::uintptr_t end = next == live.end() ? deviceBase + deviceSpan : next->first / kPage * kPage;
      if (cursor + bytes + kPage <= end) {
        std::uintptr_t start = cursor;
        cursor += bytes + kPage;
        return start;
      }
      cursor = next->first / kPage * kPage + pages(next->second.bytes) + kPage;
    }
    cursor = deviceBase + kPage;
  }
  return 0;
}

void forget(std::uintptr_t start, std::size_t bytes) {
  auto record = freed.lower_bound(start);
  while (record != freed.end() && record->first < start + bytes) record = freed.erase(record);
}

void remember(const Allocation& allocation) {
  freed[allocation.address] = allocation;
  freedOrder.push_back(allocation.address);
  while (freedOrder.size() > kRemembered) {
    freed.erase(freedOrder.front());
    freedOrder.pop_front();
  }
}

const Allocation* containing(const std::map<std::uintptr_t, Allocation>& table, std::uintptr_t address) {
  auto next = table.upper_bound(address);
  if (next == table.begin()) return nullptr;
  const Allocation& before = std::prev(next)->second;
  return address - before.address < before.bytes ? &before : nullptr;
}

// All ones: a NaN in either precision, an absurd index as an integer. The shadow knows unwritten words without it, so
// the far end of a large allocation costs no memory.
void poison(std::uintptr_t address, std::size_t bytes) {
  std::memset(reinterpret_cast<void*>(address), 0xff, std::min(bytes, kPoisoned));
}

void unmap(const Allocation& allocation) {
  std::uintptr_t start = allocation.address - kLead;
  std::size_t bytes = pages(allocation.bytes);
  mmap(reinterpret_cast<void*>(start), bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
       0);
  std::uint8_t* words = deviceWords + (start - deviceBase) / 4;
  std::memset(words, kNone, std::min<std::size_t>(bytes / 4, kPage));
  std::uintptr_t first = (reinterpret_cast<std::uintptr_t>(words) + kPage - 1) / kPage * kPage;
  std::uintptr_t last = reinterpret_cast<std::uintptr_t>(words + bytes / 4) / kPage * kPage;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  std::uintptr_t end = reinterpret_cast<std::uintptr_t>(words + bytes / 4);
  if (end > last && last >= first) std::memset(reinterpret_cast<void*>(last), kNone, end - last);
}

}  // namespace

int allocate(int device, std::size_t bytes, std::uintptr_t* address) {
  if (bytes == 0) return 1;
  reserve();
  if (bytes > limit || rounded(bytes) > limit - std::min(limit, usage[device])) return 2;
  std::uintptr_t start = place(pages(bytes));
  if (start == 0) return 2;
  if (mprotect(reinterpret_cast<void*>(start), pages(bytes), PROT_READ | PROT_WRITE) != 0) return 2;
  forget(start, pages(bytes));
  *address = start + kLead;
  if (!countsOnly()) poison(*address, bytes);
  live[*address] = {*address, bytes, ++serials, device};
  usage[device] += rounded(bytes);
  mostUsed = std::max(mostUsed, usage[device]);
  if (!countsOnly()) markUnwritten(*address, bytes);
  return 0;
}

bool release(std::uintptr_t address) {
  auto entry = live.find(address);
  if (entry == live.end()) return false;
  usage[entry->second.device] -= rounded(entry->second.bytes);
  unmap(entry->second);
  remember(entry->second);
  live.erase(entry);
  return true;
}

void releaseAll() {
  while (!live.empty()) release(live.begin()->first);
  freed.clear();
  freedOrder.clear();
}

void setCapacity(std::size_t bytes) { limit = bytes; }
std::size_t capacity() { return limit; }
std::size_t used(int device) { return usage[device]; }
std::size_t peak() { return mostUsed; }
void clearPeak() { mostUsed = 0; }

const std::map<std::uintptr_t, Allocation>& allocations() { return live; }
const Allocation* find(std::uintptr_t address) { return containing(live, address); }

void* allocateHost(int device, std::size_t bytes) {
  std::size_t mapped = (bytes + kPage - 1) / kPage * kPage;
  void* address = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return nullptr;
  std::memset(address, 0xff, bytes);
  host[reinterpret_cast<std::uintptr_t>(address)] = {bytes, device};
  return address;
}

bool releaseHost(void* address) {
  auto entry = host.find(reinterpret_cast<std::uintptr_t>(address));
  if (entry == host.end()) return false;
  munmap(address, (entry->second.bytes + kPage - 1) / kPage * kPage);
  host.erase(entry);
  return true;
}

bool isPinned(std::uintptr_t address, std::size_t bytes) {
  auto next = host.upper_bound(address);
  if (next == host.begin()) return false;
  auto before = std::prev(next);
  std::size_t offset = address - before->first;
  return offset < before->second.bytes && bytes <= before->second.bytes - offset;
}

const std::map<std::uintptr_t, Pinned>& pinned() { return host; }

std::string describe(std::uintptr_t address) {
  if (const Allocation* inside = find(address)) {
    return format("byte %zu of allocation %ld (%zu bytes)", address - inside->address, inside->serial, inside->bytes);
  }
  if (const Allocation* gone = containing(freed, address)) {
    return format("byte %zu of freed allocation %ld (%zu bytes)", address - gone->address, gone->serial, gone->bytes);
  }
  auto next = live.upper_bound(address);
  std::size_t before = SIZE_MAX, after = SIZE_MAX;
  if (next != live.end()) before = next->first - address;
  if (next != live.begin()) after = address - (std::prev(next)->first + std::prev(next)->second.bytes);
  if (before == SIZE_MAX && after == SIZE_MAX) return "no allocation is alive";
  const Allocation& near = after <= before ? std::prev(next)->second : next->second;
  return format("%zu bytes %s allocation %ld (%zu bytes)", std::min(before, after),
                after <= before ? "past the end of" : "before", near.serial, near.bytes);
}

const std::uint8_t* firstBelow(const std::uint8_t* from, const std::uint8_t* end, std::uint8_t least) {
  constexpr std::uint64_t allWritten = 0x0101010101010101ull * kWritten;  // the usual case, eight words at a time
  for (; end - from >= 8; from += 8) {
    std::uint64_t states;
    std::memcpy(&states, from, 8);
    if (states != allWritten) break;
  }
  return std::find_if(from, end, [=](std::uint8_t state) { return state < least; });
}

Fault checkRange(std::uintptr_t address, std::size_t bytes, Depth depth) {
  if (bytes == 0) return {};
  if (!inDevice(address) || bytes > deviceSpan - (address - deviceBase)) {
    return {"out-of-bounds", format("0x%zx is no device address", address)};
  }
  const Allocation* owner = find(address);
  if (owner == nullptr || bytes > owner->bytes - (address - owner->address)) {
    std::uintptr_t bad = owner == nullptr ? address : owner->address + owner->bytes;
    bool gone = owner == nullptr && containing(freed, bad) != nullptr;
    return {gone ? "use-after-free" : "out-of-bounds",
            format("%zu bytes at 0x%zx: %s", bytes, address, describe(bad).c_str())};
  }
  if (depth == Depth::kAllocated) return {};
  std::uint8_t least = depth == Depth::kWritten ? kWritten : kUnwritten;
  const std::uint8_t* words = deviceWords;
  std::size_t first = (address - deviceBase) / 4, last = (address + bytes - 1 - deviceBase) / 4;
  const std::uint8_t* bad = firstBelow(words + first, words + last + 1, least);
  if (bad == words + last + 1) return {};
  std::string where = describe(std::max(address, deviceBase + 4 * static_cast<std::uintptr_t>(bad - words)));
  if (*bad == kNone)
    return {"out-of-bounds", format("%zu bytes at 0x%zx: not handed out: %s", bytes, address, where.c_str())};
  return {"uninitialised", format("%zu bytes at 0x%zx: never written: %s", bytes, address, where.c_str())};
}

void markWritten(std::uintptr_t address, std::size_t bytes) {
  if (bytes == 0) return;
  std::size_t first = (address - deviceBase) / 4, last = (address + bytes - 1 - deviceBase) / 4;
  std::memset(deviceWords + first, kWritten, last - first + 1);
}

void markUnwritten(std::uintptr_t address, std::size_t bytes) {
  if (bytes == 0) return;
  std::size_t first = (address - deviceBase) / 4, last = (address + bytes - 1 - deviceBase) / 4;
  std::memset(deviceWords + first, kUnwritten, last - first + 1);
}

void markHandedOut(std::uintptr_t address, std::size_t bytes, std::size_t capacity) {
  poison(address, capacity);
  std::size_t first = (address - deviceBase) / 4, end = (address + capacity + 3 - deviceBase) / 4;
  std::memset(deviceWords + first, kNone, end - first);
  markUnwritten(address, bytes);
}

}  // namespace emulator
