/* The vectors of a level: LANES floats. */
#include <immintrin.h>

#ifdef DYNAXX_AVX512

enum { LANES = 16 };
typedef __m512 vec;
typedef __mmask16 mask;

static inline mask first_lanes(int64_t n) { return (mask)(n >= LANES ? 0xffff : (1u << n) - 1); }
static inline vec zero(void) { return _mm512_setzero_ps(); }
static inline vec every(float x) { return _mm512_set1_ps(x); }
static inline vec load(const float *p) { return _mm512_loadu_ps(p); }
static inline vec load_some(const float *p, mask m) { return _mm512_maskz_loadu_ps(m, p); }
static inline void store(float *p, vec x) { _mm512_storeu_ps(p, x); }
static inline void store_some(float *p, mask m, vec x) { _mm512_mask_storeu_ps(p, m, x); }
static inline vec fma_(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec mul(vec a, vec b) { return _mm512_mul_ps(a, b); }

typedef __m512d wide;
static inline wide wide_zero(void) { return _mm512_setzero_pd(); }
static inline wide low_half(vec x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
static inline wide high_half(vec x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }
static inline wide wide_add(wide a, wide b) { return _mm512_add_pd(a, b); }
static inline void store_wide(double *p, wide x) { _mm512_storeu_pd(p, x); }

/* Every second float of a and then of b, from the first on. */
static inline vec every_second(vec a, vec b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}

/* Rows of x become columns. */
static inline __attribute__((always_inline)) void transpose(vec x[LANES]) {
  vec t[LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i += 2) {
    t[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i += 4) {
    x[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
    x[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
    x[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
    x[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 8; i++) {
    x[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    x[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
  }
}

#else

enum { LANES = 8 };
typedef __m256 vec;
typedef __m256i mask;

static inline mask first_lanes(int64_t n) {
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n > LANES ? LANES : n)), lane);
}
static inline vec zero(void) { return _mm256_setzero_ps(); }
static inline vec every(float x) { return _mm256_set1_ps(x); }
static inline vec load(const float *p) { return _mm256_loadu_ps(p); }
static inline vec load_some(const float *p, mask m) { return _mm256_maskload_ps(p, m); }
static inline void store(float *p, vec x) { _mm256_storeu_ps(p, x); }
static inline void store_some(float *p, mask m, vec x) { _mm256_maskstore_ps(p, m, x); }
static inline vec fma_(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec mul(vec a, vec b) { return _mm256_mul_ps(a, b); }

typedef __m256d wide;
static inline wide wide_zero(void) { return _mm256_setzero_pd(); }
static inline wide low_half(vec x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
static inline wide high_half(vec x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
static inline wide wide_add(wide a, wide b) { return _mm256_add_pd(a, b); }
static inline void store_wide(double *p, wide x) { _mm256_storeu_pd(p, x); }

/* Every second float of a and then of b, from the first on. */
static inline vec every_second(vec a, vec b) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
}

/* Rows of x become columns. */
static inline __attribute__((always_inline)) void transpose(vec x[LANES]) {
  vec t[LANES];
#pragma GCC unroll 8
  for (int i = 0; i < LANES; i += 2) {
    t[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < LANES; i += 4) {
    x[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    x[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    x[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    x[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; i++) {
    t[i] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
  }
  memcpy(x, t, sizeof t);
}

#endif
