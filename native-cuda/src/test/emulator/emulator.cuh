// What a kernel source sees in place of CUDA's own headers when the host compiler builds it for the emulator.
//
// A kernel runs unchanged: its threads are fibers of one host thread, its memory accesses call the emulator
// (-fsanitize=thread without its run-time library), and its barriers and shuffles switch fibers.
#pragma once

#include <math.h>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "interface.h"

#define DYNAXX_UNCHECKED __attribute__((no_sanitize_thread))

// ---- qualifiers -----------------------------------------------------------------------------------------------

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) alignas(bytes)
#define __constant__ static
#define __launch_bounds__(...)
#define __grid_constant__
// A page of its own for each array, so that an index past the end meets no other array.
#define __shared__ static __attribute__((section("dynaxx_shared"), aligned(4096)))
#define DYNAXX_DYNAMIC_SHARED(type, name) type* const name = reinterpret_cast<type*>(dynaxx_emulator_dynamic_shared)

#ifndef KERNEL
#ifdef DYNAXX_EMULATOR_SCAN
#define KERNEL(name) DYNAXX_FOUND_KERNEL name DYNAXX_END void name
#else
#define KERNEL(name) __attribute__((noinline)) void name
#endif
#define KERNEL_RESIDENT(name, blocks) KERNEL(name)
#endif

// ---- vector types ---------------------------------------------------------------------------------------------

struct dim3 {
  unsigned int x = 1, y = 1, z = 1;
};

#define DYNAXX_VECTOR2(type, scalar)                     \
  struct alignas(2 * sizeof(scalar)) type {              \
    scalar x, y;                                         \
  };                                                     \
  __forceinline__ type make_##type(scalar x, scalar y) { \
    type v = {x, y};                                     \
    return v;                                            \
  }
#define DYNAXX_VECTOR3(type, scalar)                               \
  struct type {                                                    \
    scalar x, y, z;                                                \
  };                                                               \
  __forceinline__ type make_##type(scalar x, scalar y, scalar z) { \
    type v = {x, y, z};                                            \
    return v;                                                      \
  }
#define DYNAXX_VECTOR4(type, scalar)                                         \
  struct alignas(4 * sizeof(scalar) < 16 ? 4 * sizeof(scalar) : 16) type {   \
    scalar x, y, z, w;                                                       \
  };                                                                         \
  __forceinline__ type make_##type(scalar x, scalar y, scalar z, scalar w) { \
    type v = {x, y, z, w};                                                   \
    return v;                                                                \
  }
#define DYNAXX_VECTORS(name, scalar) \
  DYNAXX_VECTOR2(name##2, scalar)    \
  DYNAXX_VECTOR3(name##3, scalar)    \
  DYNAXX_VECTOR4(name##4, scalar)

typedef unsigned char uchar;
typedef unsigned short ushort;
DYNAXX_VECTORS(char, signed char)
DYNAXX_VECTORS(uchar, unsigned char)
DYNAXX_VECTORS(short, short)
DYNAXX_VECTORS(ushort, unsigned short)
DYNAXX_VECTORS(int, int)
DYNAXX_VECTORS(uint, unsigned int)
DYNAXX_VECTORS(longlong, long long)
DYNAXX_VECTORS(ulonglong, unsigned long long)
DYNAXX_VECTORS(float, float)
DYNAXX_VECTORS(double, double)

// ---- what the emulator gives a kernel -------------------------------------------------------------------------

// Constant for a thread, so the compiler may keep them in registers and their reads are not checked; the emulator
// rewrites them when it switches to another thread.
extern "C" {
extern DYNAXX_INTERNAL const uint3 threadIdx;
extern DYNAXX_INTERNAL const uint3 blockIdx;
extern DYNAXX_INTERNAL const dim3 blockDim;
extern DYNAXX_INTERNAL const dim3 gridDim;
extern DYNAXX_INTERNAL unsigned char* const dynaxx_emulator_dynamic_shared;
}

static constexpr int warpSize = 32;

// ---- barriers and warps ---------------------------------------------------------------------------------------

#define DYNAXX_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(DYNAXX_HERE) { dynaxx_emulator_barrier(0, 0, file, line); }
inline int __syncthreads_count(int p, DYNAXX_HERE) { return dynaxx_emulator_barrier(1, p != 0, file, line); }
inline int __syncthreads_or(int p, DYNAXX_HERE) { return dynaxx_emulator_barrier(2, p != 0, file, line); }
inline int __syncthreads_and(int p, DYNAXX_HERE) { return dynaxx_emulator_barrier(3, p != 0, file, line); }
inline void __syncwarp(unsigned int mask = 0xffffffffu, DYNAXX_HERE) { dynaxx_emulator_syncwarp(mask, file, line); }
inline void __threadfence() { dynaxx_emulator_fence(); }
inline void __threadfence_block() {}
inline void __threadfence_system() { dynaxx_emulator_fence(); }
inline void __trap(DYNAXX_HERE) { dynaxx_emulator_trap("__trap", file, line); }

#undef assert
#define assert(condition) \
  ((condition) ? (void)0 : dynaxx_emulator_trap("assertion failed: " #condition, __FILE__, __LINE__))

namespace emulator {

template <class T>
inline T shuffle(unsigned int mask, T value, int lane, const char* file, int line) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>, "a shuffle moves at most eight bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  bits = dynaxx_emulator_shuffle(mask, bits, lane, file, line);
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}

inline int segment(int width) { return static_cast<int>(dynaxx_emulator_lane()) & ~(width - 1); }

}  // namespace emulator

template <class T>
inline T __shfl_sync(unsigned int mask, T value, int source, int width = 32, DYNAXX_HERE) {
  return emulator::shuffle(mask, value, emulator::segment(width) + (source & (width - 1)), file, line);
}

template <class T>
inline T __shfl_xor_sync(unsigned int mask, T value, int bits, int width = 32, DYNAXX_HERE) {
  int self = static_cast<int>(dynaxx_emulator_lane());
  int source = self ^ bits;
  return emulator::shuffle(mask, value, source < emulator::segment(width) + width ? source : self, file, line);
}

template <class T>
inline T __shfl_down_sync(unsigned int mask, T value, unsigned int delta, int width = 32, DYNAXX_HERE) {
  int self = static_cast<int>(dynaxx_emulator_lane());
  int source = self + static_cast<int>(delta);
  return emulator::shuffle(mask, value, source < emulator::segment(width) + width ? source : self, file, line);
}

template <class T>
inline T __shfl_up_sync(unsigned int mask, T value, unsigned int delta, int width = 32, DYNAXX_HERE) {
  int self = static_cast<int>(dynaxx_emulator_lane());
  int source = self - static_cast<int>(delta);
  return emulator::shuffle(mask, value, source >= emulator::segment(width) ? source : self, file, line);
}

inline unsigned int __ballot_sync(unsigned int mask, int predicate, DYNAXX_HERE) {
  return dynaxx_emulator_ballot(mask, predicate, file, line);
}
inline int __any_sync(unsigned int mask, int predicate, DYNAXX_HERE) {
  return dynaxx_emulator_ballot(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned int mask, int predicate, DYNAXX_HERE) {
  return dynaxx_emulator_ballot(mask, !predicate, file, line) == 0;
}

// ---- atomics: integers only, because a sum of floats in no fixed order differs from run to run -----------------

namespace emulator {

template <class T, class F>
DYNAXX_UNCHECKED inline T atomic(T* address, F change) {
  dynaxx_emulator_atomic(address, sizeof(T), std::is_floating_point_v<T>);
  T old = *static_cast<volatile T*>(address);
  *static_cast<volatile T*>(address) = change(old);
  return old;
}

}  // namespace emulator

#define DYNAXX_ATOMIC(name, expression)                                                        \
  template <class T>                                                                           \
  DYNAXX_UNCHECKED inline T name(T* address, std::type_identity_t<T> value) {                  \
    return emulator::atomic(address, [=](T old) DYNAXX_UNCHECKED -> T { return expression; }); \
  }
DYNAXX_ATOMIC(atomicAdd, static_cast<T>(old + value))
DYNAXX_ATOMIC(atomicSub, static_cast<T>(old - value))
DYNAXX_ATOMIC(atomicExch, (static_cast<void>(old), value))
DYNAXX_ATOMIC(atomicMin, value < old ? value : old)
DYNAXX_ATOMIC(atomicMax, value > old ? value : old)
DYNAXX_ATOMIC(atomicAnd, static_cast<T>(old& value))
DYNAXX_ATOMIC(atomicOr, static_cast<T>(old | value))
DYNAXX_ATOMIC(atomicXor, static_cast<T>(old ^ value))
DYNAXX_ATOMIC(atomicInc, old >= value ? T(0) : T(old + 1))
template <class T>
DYNAXX_UNCHECKED inline T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return emulator::atomic(address, [=](T old) DYNAXX_UNCHECKED { return old == expected ? value : old; });
}

// ---- arithmetic -----------------------------------------------------------------------------------------------

template <class A, class B, class = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
inline std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>) return std::fmin(static_cast<T>(a), static_cast<T>(b));
  else return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(a) : static_cast<T>(b);
}
template <class A, class B, class = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
inline std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>) return std::fmax(static_cast<T>(a), static_cast<T>(b));
  else return static_cast<T>(a) > static_cast<T>(b) ? static_cast<T>(a) : static_cast<T>(b);
}

template <class T>
inline T __ldg(const T* address) {
  return *address;
}
template <class T>
inline T __ldcs(const T* address) {
  return *address;
}
template <class T>
inline T __ldcg(const T* address) {
  return *address;
}
template <class T>
inline void __stcs(T* address, T value) {
  *address = value;
}

inline unsigned int __umulhi(unsigned int a, unsigned int b) {
  return static_cast<unsigned int>((static_cast<unsigned long long>(a) * b) >> 32);
}
inline int __mulhi(int a, int b) { return static_cast<int>((static_cast<long long>(a) * b) >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline int __popc(unsigned int x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned int>(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned int __brev(unsigned int x) {
  unsigned int r = 0;
  for (int i = 0; i < 32; i++) r |= ((x >> i) & 1u) << (31 - i);
  return r;
}

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float normcdff(float x) { return static_cast<float>(0.5 * std::erfc(-x * 0.70710678118654752440)); }
inline double normcdf(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }
inline float sinpif(float x) { return static_cast<float>(std::sin(3.14159265358979323846 * x)); }
inline float cospif(float x) { return static_cast<float>(std::cos(3.14159265358979323846 * x)); }
inline double sinpi(double x) { return std::sin(3.14159265358979323846 * x); }
inline double cospi(double x) { return std::cos(3.14159265358979323846 * x); }

inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __sinf(float x) { return std::sin(x); }
inline float __cosf(float x) { return std::cos(x); }
inline float __powf(float x, float y) { return std::pow(x, y); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __frsqrt_rn(float x) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double x) { return std::sqrt(x); }
inline double __drcp_rn(double x) { return 1.0 / x; }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }

namespace emulator {

// CUDA converts with saturation, and NaN to zero; a C++ cast would be undefined.
template <class To, class From>
inline To convert(From x) {
  if (std::isnan(x)) return 0;
  if (x <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  if (x >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  return static_cast<To>(x);
}

template <class To, class From>
inline To bits(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &x, sizeof(To));
  return to;
}

}  // namespace emulator

#define DYNAXX_CONVERSIONS(prefix, from)                                                                          \
  inline int __##prefix##2int_rn(from x) { return emulator::convert<int>(std::nearbyint(x)); }                    \
  inline int __##prefix##2int_rz(from x) { return emulator::convert<int>(std::trunc(x)); }                        \
  inline int __##prefix##2int_ru(from x) { return emulator::convert<int>(std::ceil(x)); }                         \
  inline int __##prefix##2int_rd(from x) { return emulator::convert<int>(std::floor(x)); }                        \
  inline unsigned int __##prefix##2uint_rn(from x) { return emulator::convert<unsigned int>(std::nearbyint(x)); } \
  inline unsigned int __##prefix##2uint_rz(from x) { return emulator::convert<unsigned int>(std::trunc(x)); }     \
  inline long long __##prefix##2ll_rn(from x) { return emulator::convert<long long>(std::nearbyint(x)); }         \
  inline long long __##prefix##2ll_rz(from x) { return emulator::convert<long long>(std::trunc(x)); }
DYNAXX_CONVERSIONS(float, float)
DYNAXX_CONVERSIONS(double, double)
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned int x) { return static_cast<float>(x); }
inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
inline double __int2double_rn(int x) { return x; }
inline double __uint2double_rn(unsigned int x) { return x; }
inline double __ll2double_rn(long long x) { return static_cast<double>(x); }
inline int __float_as_int(float x) { return emulator::bits<int>(x); }
inline unsigned int __float_as_uint(float x) { return emulator::bits<unsigned int>(x); }
inline float __int_as_float(int x) { return emulator::bits<float>(x); }
inline float __uint_as_float(unsigned int x) { return emulator::bits<float>(x); }
inline long long __double_as_longlong(double x) { return emulator::bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulator::bits<double>(x); }
inline int __double2hiint(double x) { return static_cast<int>(emulator::bits<long long>(x) >> 32); }
inline int __double2loint(double x) { return static_cast<int>(emulator::bits<long long>(x)); }
inline double __hiloint2double(int high, int low) {
  return emulator::bits<double>((static_cast<long long>(high) << 32) | static_cast<unsigned int>(low));
}

// ---- copies, which the compiler does not announce ---------------------------------------------------------------

namespace emulator {

inline void* copy(void* to, const void* from, std::size_t bytes) {
  dynaxx_emulator_read(from, bytes);
  dynaxx_emulator_write(to, bytes);
  return __builtin_memcpy(to, from, bytes);
}

inline void* fill(void* to, int value, std::size_t bytes) {
  dynaxx_emulator_write(to, bytes);
  return __builtin_memset(to, value, bytes);
}

}  // namespace emulator

#define memcpy emulator::copy
#define memset emulator::fill

// ---- registration: how the driver finds a kernel by name and unpacks its parameters ------------------------------

namespace emulator {

template <class... Arguments>
struct Layout {
  static constexpr std::size_t count = sizeof...(Arguments);
  struct Table {
    Parameter parameters[count + 1] = {};
    unsigned int bytes = 0, alignment = 1;
  };
  static constexpr Table make() {
    Table table;
    constexpr std::size_t sizes[] = {sizeof(Arguments)..., 0};
    constexpr std::size_t alignments[] = {alignof(Arguments)..., 1};
    std::size_t offset = 0, widest = 1;
    for (std::size_t i = 0; i < count; i++) {
      offset = (offset + alignments[i] - 1) / alignments[i] * alignments[i];
      table.parameters[i] = {static_cast<unsigned int>(offset), static_cast<unsigned int>(sizes[i])};
      offset += sizes[i];
      if (alignments[i] > widest) widest = alignments[i];
    }
    table.bytes = static_cast<unsigned int>(offset);
    table.alignment = static_cast<unsigned int>(widest);
    return table;
  }
  static constexpr Table table = make();
};

template <auto Function>
struct Entry;

template <class... Arguments, void (*Function)(Arguments...)>
struct Entry<Function> {
  static_assert((std::is_trivially_copyable_v<Arguments> && ...), "kernel parameters are copied as bytes");
  using L = Layout<Arguments...>;

  template <class T>
  DYNAXX_UNCHECKED static T load(const unsigned char* from) {
    T value;
    __builtin_memcpy(&value, from, sizeof(T));
    return value;
  }
  template <std::size_t... I>
  DYNAXX_UNCHECKED static void call(const unsigned char* arguments, std::index_sequence<I...>) {
    Function(load<Arguments>(arguments + L::table.parameters[I].offset)...);
  }
  DYNAXX_UNCHECKED static void invoke(const unsigned char* arguments) {
    call(arguments, std::index_sequence_for<Arguments...>());
  }
  static constexpr Kernel kernel(const char* name) {
    return {name,           &invoke,           L::table.parameters, static_cast<unsigned int>(L::count),
            L::table.bytes, L::table.alignment};
  }
};

}  // namespace emulator
