// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011), bit for bit as in core's Philox.
#pragma once
#include "dynaxx.cuh"

struct PhiloxWords {
  unsigned w[4];
};

// The 128 bits of one block of a stream; the key is the seed.
__device__ __forceinline__ PhiloxWords philox(long long seed, long long stream, long long block) {
  unsigned c0 = (unsigned)block, c1 = (unsigned)((unsigned long long)block >> 32);
  unsigned c2 = (unsigned)stream, c3 = (unsigned)((unsigned long long)stream >> 32);
  unsigned k0 = (unsigned)seed, k1 = (unsigned)((unsigned long long)seed >> 32);
  for (int round = 0; round < 10; round++) {
    unsigned high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    unsigned high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// Element `bit` of the 128 signs of a block.
__device__ __forceinline__ real philox_sign(const PhiloxWords& words, int bit) {
  return (words.w[bit >> 5] >> (bit & 31) & 1) == 0 ? real(-1) : real(1);
}
