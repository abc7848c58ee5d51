// What kernels and emulator know of each other.
#pragma once

#include <cstddef>

#define DYNAXX_INTERNAL __attribute__((visibility("hidden")))

extern "C" {
DYNAXX_INTERNAL int dynaxx_emulator_barrier(int vote, int predicate, const char* file, int line);
DYNAXX_INTERNAL unsigned long long dynaxx_emulator_shuffle(unsigned int mask, unsigned long long value, int lane,
                                                           const char* file, int line);
DYNAXX_INTERNAL unsigned int dynaxx_emulator_ballot(unsigned int mask, int predicate, const char* file, int line);
DYNAXX_INTERNAL void dynaxx_emulator_syncwarp(unsigned int mask, const char* file, int line);
DYNAXX_INTERNAL void dynaxx_emulator_fence();
DYNAXX_INTERNAL void dynaxx_emulator_atomic(const void* address, int bytes, int floating);
[[noreturn]] DYNAXX_INTERNAL void dynaxx_emulator_trap(const char* what, const char* file, int line);
DYNAXX_INTERNAL unsigned int dynaxx_emulator_lane();

// For copies, which the compiler does not announce.
DYNAXX_INTERNAL void dynaxx_emulator_read(const void* address, std::size_t bytes);
DYNAXX_INTERNAL void dynaxx_emulator_write(void* address, std::size_t bytes);
}

namespace emulator {

struct Parameter {
  unsigned int offset, size;
};

struct Kernel {
  const char* name;
  void (*invoke)(const unsigned char* arguments);
  const Parameter* parameters;
  unsigned int count;
  unsigned int bytes;
  unsigned int alignment;
};

class Registration {
 public:
  DYNAXX_INTERNAL Registration(const char* precision, const Kernel* kernels, std::size_t count);
};

}  // namespace emulator
