// SHA-256 of many messages, two at a time. A processor's own instruction for two rounds waits for the one before it, and could
// begin another meanwhile: two messages side by side take little more than half of the time of one after the other. Only x86-64;
// elsewhere, and without the instructions, pairs_work() is false and the kernel hashes one by one with OpenSSL.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Where a digest goes: with `good` it is compared with the id, and `good` says whether it is that; else it becomes the id.
static void conclude(const uint8_t *digest, uint8_t *id, uint8_t *good) {
  if (good) *good = memcmp(digest, id, 32) == 0;
  else memcpy(id, digest, 32);
}

#if defined(__x86_64__) && !defined(ONE_BY_ONE)
#include <cpuid.h>
#include <immintrin.h>
#define FOR_SHA __attribute__((target("sha,sse4.1,ssse3")))

enum { BLOCK = 64 };

// The state of a digest as the instructions want it, and what is still to be hashed: whole blocks, then those with the padding.
typedef struct {
  __m128i abef, cdgh;
  const uint8_t *at;
  size_t blocks, tail_blocks;
  uint8_t tail[2 * BLOCK], *id, *good; // no id: the lane is idle
} Lane;
typedef struct { Lane lanes[2]; } Pair;

static int pairs_work(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);
}

static const uint32_t SHA256_K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// Four rounds of lane `l` (of FIPS 180-4), number `i` of 16: from the fifth on, four words are first made of the 16 before.
#define FOUR_ROUNDS(l, i)                                                                                                        \
  if (i >= 4)                                                                                                                    \
    m[l][i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(m[l][i & 3], m[l][(i + 1) & 3]),                       \
                                                     _mm_alignr_epi8(m[l][(i + 3) & 3], m[l][(i + 2) & 3], 4)),                  \
                                       m[l][(i + 3) & 3]);                                                                       \
  k[l] = _mm_add_epi32(m[l][i & 3], _mm_load_si128((const __m128i *)(SHA256_K + 4 * i)));                                        \
  cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], k[l]);                                                                       \
  abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l], _mm_shuffle_epi32(k[l], 0x0e));
#define ROUNDS(i) FOUR_ROUNDS(0, (i)) if (count == 2) { FOUR_ROUNDS(1, (i)) }

// Hashes as many blocks of each of the lanes. `count` is a constant where it is called: with 2, both are in registers at once.
FOR_SHA static inline __attribute__((always_inline)) void hash_blocks(Lane *const *lanes, const int count, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef[2], cdgh[2], m[2][4], k[2];
  const uint8_t *at[2];
  for (int l = 0; l < count; l++) abef[l] = lanes[l]->abef, cdgh[l] = lanes[l]->cdgh, at[l] = lanes[l]->at;
  for (size_t block = 0; block < blocks; block++) {
    __m128i abef_before[2], cdgh_before[2];
    for (int l = 0; l < count; l++) {
      abef_before[l] = abef[l], cdgh_before[l] = cdgh[l];
      for (int j = 0; j < 4; j++) m[l][j] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)at[l] + j), big_endian);
      at[l] += BLOCK;
    }
    ROUNDS(0) ROUNDS(1) ROUNDS(2) ROUNDS(3) ROUNDS(4) ROUNDS(5) ROUNDS(6) ROUNDS(7)
    ROUNDS(8) ROUNDS(9) ROUNDS(10) ROUNDS(11) ROUNDS(12) ROUNDS(13) ROUNDS(14) ROUNDS(15)
    for (int l = 0; l < count; l++) abef[l] = _mm_add_epi32(abef[l], abef_before[l]), cdgh[l] = _mm_add_epi32(cdgh[l], cdgh_before[l]);
  }
  for (int l = 0; l < count; l++) lanes[l]->abef = abef[l], lanes[l]->cdgh = cdgh[l], lanes[l]->at = at[l], lanes[l]->blocks -= blocks;
}

// A lane without whole blocks goes on with its padding; after that its digest is ready and it is idle.
FOR_SHA static void turn(Lane *lane) {
  if (lane->blocks || !lane->id) return;
  lane->at = lane->tail, lane->blocks = lane->tail_blocks, lane->tail_blocks = 0;
  if (lane->blocks) return;
  const __m128i backwards = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  uint8_t digest[32];
  _mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi8(_mm_unpackhi_epi64(lane->cdgh, lane->abef), backwards));
  _mm_storeu_si128((__m128i *)digest + 1, _mm_shuffle_epi8(_mm_unpacklo_epi64(lane->cdgh, lane->abef), backwards));
  conclude(digest, lane->id, lane->good);
  lane->id = NULL;
}

static int idle_lane(const Pair *pair) { return pair->lanes[0].id ? 1 : 0; }

// Begins with a message in the idle lane, and hashes until one of them is idle again. The bytes, id and good have to stay until then.
FOR_SHA static void pair_add(Pair *pair, const uint8_t *bytes, size_t length, uint8_t *id, uint8_t *good) {
  Lane *const lane = &pair->lanes[idle_lane(pair)], *const both[2] = {&pair->lanes[0], &pair->lanes[1]};
  const size_t rest = length % BLOCK, tail = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK; // 1 bit, zeros, 8 bytes of length in bits
  lane->abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
  lane->cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
  lane->at = bytes, lane->blocks = length / BLOCK, lane->tail_blocks = tail / BLOCK, lane->id = id, lane->good = good;
  memset(lane->tail, 0, tail);
  if (rest) memcpy(lane->tail, bytes + length - rest, rest);
  lane->tail[rest] = 0x80;
  for (int i = 0; i < 8; i++) lane->tail[tail - 1 - i] = (uint8_t)((uint64_t)length << 3 >> 8 * i);
  turn(lane); // perhaps there are no whole blocks
  while (both[0]->id && both[1]->id) {
    hash_blocks(both, 2, both[0]->blocks < both[1]->blocks ? both[0]->blocks : both[1]->blocks);
    turn(both[0]), turn(both[1]);
  }
}

// Ends the message that is still in a lane.
FOR_SHA static void pair_end(Pair *pair) {
  for (Lane *lane = pair->lanes; lane < pair->lanes + 2; lane++)
    while (lane->id) {
      hash_blocks(&lane, 1, lane->blocks);
      turn(lane);
    }
}
#else
typedef struct { int lanes; } Pair;
static int pairs_work(void) { return 0; }
static int idle_lane(const Pair *pair) { return pair->lanes; }
static void pair_add(Pair *pair, const uint8_t *bytes, size_t length, uint8_t *id, uint8_t *good) {
  (void)pair, (void)bytes, (void)length, (void)id, (void)good;
}
static void pair_end(Pair *pair) { (void)pair; }
#endif
