// SHA-256 of many messages side by side. Each round of one waits for the round before it, and the processor could do others meanwhile.
// Its own instructions for two rounds take two messages in little more than half of the time of one after the other; 16 in the lanes of
// vectors of 512 bits take half of that again on an Intel Xeon, where 16 are at hand. Only x86-64; elsewhere, and without the
// instructions, most_lanes() is 0 and the kernel hashes one by one with OpenSSL.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Where a digest goes: with `good` it is compared with the id, and `good` says whether it is that; else it becomes the id.
static void conclude(const uint8_t *digest, uint8_t *id, uint8_t *good) {
  if (good) *good = memcmp(digest, id, 32) == 0;
  else memcpy(id, digest, 32);
}

enum { MOST_LANES = 16 };

// Messages that are being hashed, and what of each is still to be. `count` lanes are filled before anything is hashed.
typedef struct {
  uint32_t state[8][MOST_LANES] __attribute__((aligned(64)));
  int count;
  const uint8_t *at[MOST_LANES];
  size_t blocks[MOST_LANES], lengths[MOST_LANES];
  uint8_t *ids[MOST_LANES], *goods[MOST_LANES]; // no id: the lane is idle
} Lanes;

#if defined(__x86_64__) && !defined(ONE_BY_ONE)
#include <cpuid.h>
#include <immintrin.h>
#define FOR_SHA __attribute__((target("sha,sse4.1,ssse3")))
#define FOR_VECTORS __attribute__((target("avx512f,avx512bw")))

// With so many messages, vectors are faster than pairs.
enum { BLOCK = 64, LEAST_WIDE = 9 };

// What `count` may be: 16 only on Intel, for nobody has measured others.
static int most_lanes(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 29)) return 0;
  __builtin_cpu_init();
  const int is_wide = __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  return is_wide ? MOST_LANES : 2;
}

static const uint32_t SHA256_START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
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
FOR_SHA static inline __attribute__((always_inline)) void hash_blocks(Lanes *lanes, const int *which, const int count, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef[2], cdgh[2], m[2][4], k[2];
  const uint8_t *at[2];
  for (int l = 0; l < count; l++) {
    const int n = which[l];
    abef[l] = _mm_set_epi32((int)lanes->state[0][n], (int)lanes->state[1][n], (int)lanes->state[4][n], (int)lanes->state[5][n]);
    cdgh[l] = _mm_set_epi32((int)lanes->state[2][n], (int)lanes->state[3][n], (int)lanes->state[6][n], (int)lanes->state[7][n]);
    at[l] = lanes->at[n];
  }
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
  for (int l = 0; l < count; l++) {
    const int n = which[l];
    uint32_t words[8]; // f, e, b, a, h, g, d, c
    _mm_storeu_si128((__m128i *)words, abef[l]);
    _mm_storeu_si128((__m128i *)words + 1, cdgh[l]);
    for (int j = 0; j < 8; j++) lanes->state[(const int[]){5, 4, 1, 0, 7, 6, 3, 2}[j]][n] = words[j];
    lanes->at[n] = at[l];
  }
}
FOR_SHA static void hash_one(Lanes *lanes, const int *which, size_t blocks) { hash_blocks(lanes, which, 1, blocks); }
FOR_SHA static void hash_two(Lanes *lanes, const int *which, size_t blocks) { hash_blocks(lanes, which, 2, blocks); }

typedef __m512i Words; // one of each lane
#define TURNED(x, by) _mm512_ror_epi32(x, by)
#define XOR(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define CHOICE(e, f, g) _mm512_ternarylogic_epi32(e, f, g, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)
#define ADD(a, b) _mm512_add_epi32(a, b)

// 16 rows of 16 words become 16 columns.
FOR_VECTORS static inline __attribute__((always_inline)) void transpose(Words *rows) {
  Words fours[16];
  for (int i = 0; i < 16; i += 4) {
    const Words a = _mm512_unpacklo_epi32(rows[i], rows[i + 1]), b = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    const Words c = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]), d = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    fours[i] = _mm512_unpacklo_epi64(a, c), fours[i + 1] = _mm512_unpackhi_epi64(a, c);
    fours[i + 2] = _mm512_unpacklo_epi64(b, d), fours[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
  for (int i = 0; i < 4; i++) {
    const Words a = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0x88), b = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0xdd);
    const Words c = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], 0x88), d = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], 0xdd);
    rows[i] = _mm512_shuffle_i32x4(a, c, 0x88), rows[8 + i] = _mm512_shuffle_i32x4(a, c, 0xdd);
    rows[4 + i] = _mm512_shuffle_i32x4(b, d, 0x88), rows[12 + i] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

// Round `i`; from the 17th on, a word is first made of the 16 before. What is a now is named b in the next round.
#define ROUND(a, b, c, d, e, f, g, h, i)                                                                                         \
  if (i >= 16) {                                                                                                                 \
    const Words early = w[(i + 1) & 15], late = w[(i + 14) & 15];                                                                \
    w[i & 15] = ADD(ADD(w[i & 15], XOR(TURNED(early, 7), TURNED(early, 18), _mm512_srli_epi32(early, 3))),                       \
                    ADD(w[(i + 9) & 15], XOR(TURNED(late, 17), TURNED(late, 19), _mm512_srli_epi32(late, 10))));                 \
  }                                                                                                                              \
  sum = ADD(ADD(h, XOR(TURNED(e, 6), TURNED(e, 11), TURNED(e, 25))),                                                             \
            ADD(CHOICE(e, f, g), ADD(w[i & 15], _mm512_set1_epi32((int)SHA256_K[i]))));                                          \
  d = ADD(d, sum);                                                                                                               \
  h = ADD(sum, ADD(XOR(TURNED(a, 2), TURNED(a, 13), TURNED(a, 22)), MAJORITY(a, b, c)));
#define EIGHT_ROUNDS(i)                                                                                                          \
  ROUND(a, b, c, d, e, f, g, h, i) ROUND(h, a, b, c, d, e, f, g, (i + 1))                                                          \
  ROUND(g, h, a, b, c, d, e, f, (i + 2)) ROUND(f, g, h, a, b, c, d, e, (i + 3))                                                      \
  ROUND(e, f, g, h, a, b, c, d, (i + 4)) ROUND(d, e, f, g, h, a, b, c, (i + 5))                                                      \
  ROUND(c, d, e, f, g, h, a, b, (i + 6)) ROUND(b, c, d, e, f, g, h, a, (i + 7))

// Hashes as many blocks of all lanes; idle ones read along with the first busy one, and what becomes of them is nobody's.
FOR_VECTORS static void hash_wide(Lanes *lanes, int busy, size_t blocks) {
  const Words big_endian = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
  Words *const state = (Words *)lanes->state;
  Words a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  const uint8_t *at[MOST_LANES];
  for (int l = 0; l < MOST_LANES; l++) at[l] = lanes->at[lanes->ids[l] ? l : busy];
  for (size_t block = 0; block < blocks; block++) {
    Words w[16], sum;
    for (int l = 0; l < MOST_LANES; l++) w[l] = _mm512_shuffle_epi8(_mm512_loadu_si512(at[l] + block * BLOCK), big_endian);
    transpose(w);
    const Words before[8] = {a, b, c, d, e, f, g, h};
    EIGHT_ROUNDS(0) EIGHT_ROUNDS(8) EIGHT_ROUNDS(16) EIGHT_ROUNDS(24) EIGHT_ROUNDS(32) EIGHT_ROUNDS(40) EIGHT_ROUNDS(48) EIGHT_ROUNDS(56)
    a = ADD(a, before[0]), b = ADD(b, before[1]), c = ADD(c, before[2]), d = ADD(d, before[3]);
    e = ADD(e, before[4]), f = ADD(f, before[5]), g = ADD(g, before[6]), h = ADD(h, before[7]);
  }
  state[0] = a, state[1] = b, state[2] = c, state[3] = d, state[4] = e, state[5] = f, state[6] = g, state[7] = h;
  for (int l = 0; l < MOST_LANES; l++) lanes->at[l] += lanes->ids[l] ? blocks * BLOCK : 0;
}

// Ends a message without whole blocks by its padding: 1 bit, zeros, 8 bytes of length in bits. Its lane is idle then.
static void end_message(Lanes *lanes, int lane) {
  const size_t length = lanes->lengths[lane], rest = length % BLOCK, size = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
  uint8_t tail[2 * BLOCK] = {0}, digest[32];
  if (rest) memcpy(tail, lanes->at[lane], rest);
  tail[rest] = 0x80;
  for (int i = 0; i < 8; i++) tail[size - 1 - i] = (uint8_t)((uint64_t)length << 3 >> 8 * i);
  lanes->at[lane] = tail;
  hash_one(lanes, &lane, size / BLOCK);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(lanes->state[i / 4][lane] >> (24 - i % 4 * 8));
  conclude(digest, lanes->ids[lane], lanes->goods[lane]);
  lanes->ids[lane] = NULL;
}

// Hashes until a message has ended.
static void hash_some(Lanes *lanes, const int *busy, int count) {
  size_t blocks = SIZE_MAX;
  for (int i = 0; i < count; i++)
    if (lanes->blocks[busy[i]] < blocks) blocks = lanes->blocks[busy[i]];
  if (count >= LEAST_WIDE) hash_wide(lanes, busy[0], blocks);
  else {
    for (int i = 0; i + 1 < count; i += 2) hash_two(lanes, busy + i, blocks);
    if (count % 2) hash_one(lanes, busy + count - 1, blocks);
  }
  for (int i = 0; i < count; i++)
    if (!(lanes->blocks[busy[i]] -= blocks)) end_message(lanes, busy[i]);
}

static int busy_lanes(const Lanes *lanes, int *busy) {
  int count = 0;
  for (int l = 0; l < lanes->count; l++)
    if (lanes->ids[l]) busy[count++] = l;
  return count;
}

static int idle_lane(const Lanes *lanes) {
  int l = 0;
  while (lanes->ids[l]) l++;
  return l;
}

// Begins with a message in an idle lane, and hashes until one is idle again. The bytes, id and good have to stay until lanes_end().
static void lanes_add(Lanes *lanes, const uint8_t *bytes, size_t length, uint8_t *id, uint8_t *good) {
  int busy[MOST_LANES];
  const int lane = idle_lane(lanes);
  for (int j = 0; j < 8; j++) lanes->state[j][lane] = SHA256_START[j];
  lanes->at[lane] = bytes, lanes->blocks[lane] = length / BLOCK, lanes->lengths[lane] = length;
  lanes->ids[lane] = id, lanes->goods[lane] = good;
  if (!lanes->blocks[lane]) end_message(lanes, lane);
  else if (busy_lanes(lanes, busy) == lanes->count) hash_some(lanes, busy, lanes->count);
}

// Ends the messages that are still in lanes.
static void lanes_end(Lanes *lanes) {
  int busy[MOST_LANES];
  for (int count; (count = busy_lanes(lanes, busy));) hash_some(lanes, busy, count);
}
#else
static int most_lanes(void) { return 0; }
static void lanes_add(Lanes *lanes, const uint8_t *bytes, size_t length, uint8_t *id, uint8_t *good) {
  (void)lanes, (void)bytes, (void)length, (void)id, (void)good;
}
static void lanes_end(Lanes *lanes) { (void)lanes; }
#endif
