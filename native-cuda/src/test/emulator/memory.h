// Device memory: one reserved range of addresses, a shadow byte for each word, and the table of allocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace emulator {

enum Word : std::uint8_t { kNone = 0, kUnwritten = 1, kWritten = 2 };

struct Allocation {
  std::uintptr_t address;
  std::size_t bytes;
  long serial;
  int device;
};

// Read at every access of every kernel, therefore plain variables.
extern std::uintptr_t deviceBase;
extern std::size_t deviceSpan;
extern std::uint8_t* deviceWords;

/** Status of allocate; the driver's numbers. */
int allocate(int device, std::size_t bytes, std::uintptr_t* address);
/** False where address is no live allocation's start. */
bool release(std::uintptr_t address);
void releaseAll();

void setCapacity(std::size_t bytes);
std::size_t capacity();
std::size_t used(int device);
/** The most that a device has had in use since the last clear. */
std::size_t peak();
void clearPeak();

const std::map<std::uintptr_t, Allocation>& allocations();
/** The live allocation that contains address, or null. */
const Allocation* find(std::uintptr_t address);

/** Host memory that the driver gave out: accessible from kernels. */
void* allocateHost(int device, std::size_t bytes);
bool releaseHost(void* address);
bool isPinned(std::uintptr_t address, std::size_t bytes);
struct Pinned {
  std::size_t bytes;
  int device;
};
const std::map<std::uintptr_t, Pinned>& pinned();

/** What is wrong with [address, address + bytes): kind and text, or an empty kind. */
struct Fault {
  std::string kind, text;
};
enum class Depth {
  kAllocated,  // inside one live allocation: all that can be said before the work is due
  kInUse,      // and inside the part that an allocator has handed out
  kWritten,    // and every word of it was written
};
/** The first state below least, or end. */
const std::uint8_t* firstBelow(const std::uint8_t* from, const std::uint8_t* end, std::uint8_t least);
Fault checkRange(std::uintptr_t address, std::size_t bytes, Depth depth);
void markWritten(std::uintptr_t address, std::size_t bytes);
void markUnwritten(std::uintptr_t address, std::size_t bytes);
/** Of a block's capacity, the first bytes are in use and never written, the rest is out of bounds. */
void markHandedOut(std::uintptr_t address, std::size_t bytes, std::size_t capacity);
inline bool inDevice(std::uintptr_t address) { return address - deviceBase < deviceSpan; }

/** Where an address lies: "16 bytes after allocation 3 of 400 bytes at 0x..." */
std::string describe(std::uintptr_t address);

}  // namespace emulator
