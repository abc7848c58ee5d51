// A switch of stacks: in assembly on x86-64, through ucontext elsewhere (or with DYNAXX_EMULATOR_UCONTEXT).
#pragma once

#include <cstddef>

#if defined(__x86_64__) && !defined(DYNAXX_EMULATOR_UCONTEXT)
#define DYNAXX_EMULATOR_ASSEMBLY 1
#else
#include <ucontext.h>
#endif

namespace emulator {

#ifdef DYNAXX_EMULATOR_ASSEMBLY

struct Fiber {
  void* pointer = nullptr;
};

extern "C" __attribute__((visibility("hidden"))) void dynaxx_emulator_switch(void** from, void* to);

inline void prepare(Fiber& fiber, unsigned char* stack, std::size_t bytes, void (*entry)()) {
  // As if entry had been called: the stack is 8 off a multiple of 16, with no return address worth returning to.
  void** top = reinterpret_cast<void**>(stack + bytes - 64);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  fiber.pointer = top;
}

inline void switchTo(Fiber& from, Fiber& to) { dynaxx_emulator_switch(&from.pointer, to.pointer); }

#else

struct Fiber {
  ucontext_t context;
};

inline void prepare(Fiber& fiber, unsigned char* stack, std::size_t bytes, void (*entry)()) {
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = stack;
  fiber.context.uc_stack.ss_size = bytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
}

inline void switchTo(Fiber& from, Fiber& to) { swapcontext(&from.context, &to.context); }

#endif

}  // namespace emulator
