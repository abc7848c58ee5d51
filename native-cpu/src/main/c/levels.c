/* What the processor and the operating system allow. */
#include "product.h"

#ifdef DYNAXX_EMULATED

static int may_use_tiles(void) { return 1; }

#else

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/* Linux gives the tile registers to who asks for them. */
static int may_use_tiles(void) {
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    return 0;
  }
  int has_tiles = edx >> 24 & 1;
  int has_bf16 = edx >> 22 & 1;
  return has_tiles && has_bf16 && __builtin_cpu_supports("avx512bw") && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

#endif

EXPORT int64_t dynaxx_levels(void) {
  __builtin_cpu_init();
  int64_t levels = 0;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    levels |= LEVEL_AVX2;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq")) {
    levels |= LEVEL_AVX512;
  }
  if (may_use_tiles()) {
    levels |= LEVEL_AMX;
  }
  return levels;
}

EXPORT int64_t dynaxx_abi(void) { return DYNAXX_ABI; }
