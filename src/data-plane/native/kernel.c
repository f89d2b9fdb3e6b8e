// The arithmetic of the chunk store without a detour through JavaScript objects: what chunk-kernel.ts does, bit for bit the same
// chunks and ids. Needs no library: the node executable carries zstd and OpenSSL and exports both. Every size and offset that comes
// from JavaScript, and so perhaps from a stranger's file, is checked against the array that it points into.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "calls.h"
#include "sha256-lanes.h"
#include "stay-awake.h"

enum { PAGE = 4096, ID = 32, ITEM_FIELDS = 4, LEAST_SQUEEZED = 512, MOST_FRAME = 64 << 10, MOST_FRAMES = 64, MOST_WAITING = 1 << 20 };
static const uint32_t FRAME_MAGIC = 0xfd2fb528;

// What node exports, declared as zstd.h and openssl/evp.h do. Looked up when the kernel is loaded: a node without them refuses it.
static void *(*ZSTD_createCCtx)(void), *(*ZSTD_createDCtx)(void), *(*EVP_MD_CTX_new)(void);
static size_t (*ZSTD_freeCCtx)(void *), (*ZSTD_freeDCtx)(void *);
static size_t (*ZSTD_CCtx_setParameter)(void *, int, int);
static size_t (*ZSTD_compress2)(void *, void *, size_t, const void *, size_t);
static size_t (*ZSTD_decompressDCtx)(void *, void *, size_t, const void *, size_t);
static size_t (*ZSTD_findFrameCompressedSize)(const void *, size_t);
static unsigned long long (*ZSTD_getFrameContentSize)(const void *, size_t);
static unsigned (*ZSTD_isError)(size_t);
static void *(*EVP_MD_fetch)(void *, const char *, const char *);
static void (*EVP_MD_CTX_free)(void *), (*EVP_MD_free)(void *);
static int (*EVP_DigestInit_ex2)(void *, const void *, const void *);
static int (*EVP_DigestUpdate)(void *, const void *, size_t);
static int (*EVP_DigestFinal_ex)(void *, unsigned char *, unsigned *);
static int (*uv_backend_fd)(const void *);

#define FIND(name) (*(void **)&name = dlsym(RTLD_DEFAULT, #name)) != NULL
static int find_all(void) {
  return FIND(ZSTD_createCCtx) && FIND(ZSTD_createDCtx) && FIND(ZSTD_freeCCtx) && FIND(ZSTD_freeDCtx) &&
         FIND(ZSTD_CCtx_setParameter) && FIND(ZSTD_compress2) && FIND(ZSTD_decompressDCtx) && FIND(ZSTD_isError) &&
         FIND(ZSTD_findFrameCompressedSize) && FIND(ZSTD_getFrameContentSize) && FIND(EVP_MD_fetch) && FIND(EVP_MD_free) && FIND(EVP_MD_CTX_new) && FIND(EVP_MD_CTX_free) && FIND(EVP_DigestInit_ex2) &&
         FIND(EVP_DigestUpdate) && FIND(EVP_DigestFinal_ex) && FIND(uv_backend_fd);
}

typedef struct Helper Helper;
static void end_helper(Helper *helper);

struct State {
  void *compressor, *decompressor, *digest, *sha256;
  int most_lanes, loop; // of JavaScript's thread the event loop
  Watch watch;
  Helper *helper;
  struct { uint8_t *bytes; size_t size; } scratch[2]; // one for each message that is being hashed
};

static void free_state(State *state) {
  if (!state) return;
  end_helper(state->helper);
  if (state->compressor) ZSTD_freeCCtx(state->compressor);
  if (state->decompressor) ZSTD_freeDCtx(state->decompressor);
  if (state->digest) EVP_MD_CTX_free(state->digest);
  if (state->sha256) EVP_MD_free(state->sha256);
  for (int i = 0; i < 2; i++) free(state->scratch[i].bytes);
  free(state);
}

static State *new_state(void) {
  State *state = calloc(1, sizeof *state);
  if (!state) return NULL;
  state->most_lanes = most_lanes();
  state->compressor = ZSTD_createCCtx();
  state->decompressor = ZSTD_createDCtx();
  state->digest = EVP_MD_CTX_new();
  state->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  if (state->compressor && state->decompressor && state->digest && state->sha256) {
    ZSTD_CCtx_setParameter(state->compressor, 100, 1); // ZSTD_c_compressionLevel
    ZSTD_CCtx_setParameter(state->compressor, 102, 15); // ZSTD_c_hashLog, and why: chunk-kernel.ts
    ZSTD_CCtx_setParameter(state->compressor, 105, 5); // ZSTD_c_minMatch
    return state;
  }
  free_state(state);
  return NULL;
}

static uint8_t *scratch(State *state, int number, size_t size) {
  if (size <= state->scratch[number].size) return state->scratch[number].bytes;
  if (size < 1 << 20) size = 1 << 20; // no chunk of a store is larger
  free(state->scratch[number].bytes);
  // Copies from and to the system's pages are slow unless both lie alike: see native-threads.ts.
  if (posix_memalign((void **)&state->scratch[number].bytes, PAGE, size)) state->scratch[number].bytes = NULL;
  state->scratch[number].size = state->scratch[number].bytes ? size : 0;
  return state->scratch[number].bytes;
}

// SHA-256 into `id`, or with `good` compared with it. May be ready only with the lanes_end() of the call: the bytes stay until then.
static int hash(State *state, Lanes *lanes, const uint8_t *bytes, size_t length, uint8_t *id, uint8_t *good) {
  uint8_t digest[ID];
  if (lanes->count) lanes_add(lanes, bytes, length, id, good);
  else if (EVP_DigestInit_ex2(state->digest, state->sha256, NULL) && EVP_DigestUpdate(state->digest, bytes, length) &&
           EVP_DigestFinal_ex(state->digest, digest, NULL))
    conclude(digest, id, good);
  else return 0;
  return 1;
}

// What is stored becomes exactly `size` bytes. As in JavaScript, more frames than a chunk has and such that may be skipped are refused.
static int decode(State *state, uint8_t *out, size_t size, const uint8_t *stored, size_t length) {
  int frames = 0;
  for (size_t at = 0, frame; at < length; at += frame) {
    uint32_t magic = 0;
    if (length - at >= sizeof magic) memcpy(&magic, stored + at, sizeof magic);
    frame = ZSTD_findFrameCompressedSize(stored + at, length - at);
    if (magic != FRAME_MAGIC || ZSTD_isError(frame) || ++frames > MOST_FRAMES) return 0;
  }
  return ZSTD_decompressDCtx(state->decompressor, out, size, stored, length) == size;
}

#include "decode-cached.h"

static int is_zero(const uint8_t *bytes, size_t length) {
  uint64_t any = 0;
  for (; length >= 64; bytes += 64, length -= 64) {
    uint64_t words[8];
    memcpy(words, bytes, 64);
    any = words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7];
    if (any) return 0;
  }
  for (; length; length--) any |= *bytes++;
  return !any;
}

static uint32_t sample(const uint8_t *page) {
  uint32_t hash = 0x9e3779b9, word;
  for (int i = 0; i < 16; i++) {
    memcpy(&word, page + 4 * i, 4);
    hash = (hash ^ word) * 0x85ebca6b;
    hash ^= hash >> 15;
  }
  hash *= 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

// split(bytes, start, end, nominal, starts, lengths, ids) -> how many chunks. The rules are those of page-cut.ts.
static double split(State *state, const Argument *a, const char **why) {
  const double nominal = a[3].number, pages = nominal / PAGE, rarely = 4294967296.0 / (pages * 4), often = 4294967296.0 / (pages / 4);
  if (!(a[1].number >= 0 && a[1].number <= a[2].number && a[2].number <= (double)a[0].length && a[0].length <= UINT32_MAX))
    return refuse(why, "The part to split lies in the bytes.");
  const size_t start = a[1].number, end = a[2].number;
  const uint8_t *bytes = a[0].bytes;
  uint32_t *starts = (uint32_t *)a[4].bytes, *lengths = (uint32_t *)a[5].bytes;
  size_t count = 0, chunk = SIZE_MAX;
  Lanes lanes = {.count = state->most_lanes};
  for (size_t page = start - start % PAGE; page < end || chunk != SIZE_MAX; page += PAGE) {
    const size_t from = page < start ? start : page, to = page + PAGE < end ? page + PAGE : end;
    size_t stop = SIZE_MAX; // where the chunk ends, if this page ends it
    if (page >= end) stop = end;
    else if (is_zero(bytes + from, to - from)) stop = from;
    else {
      if (chunk == SIZE_MAX) chunk = from;
      const double length = to - chunk;
      if (length >= nominal / 4 && to - from == PAGE &&
          (length >= nominal * 4 || is_zero(bytes + to - 16, 16) || sample(bytes + page) < (length < nominal ? rarely : often)))
        stop = to;
    }
    if (stop == SIZE_MAX || chunk == SIZE_MAX) continue;
    if (count >= a[4].length || count >= a[5].length || (count + 1) * ID > a[6].length) return refuse(why, "The chunks fit the answer.");
    if (!hash(state, &lanes, bytes + chunk, stop - chunk, a[6].bytes + count * ID, NULL)) return refuse(why, "SHA-256 works.");
    starts[count] = chunk;
    lengths[count++] = stop - chunk;
    chunk = SIZE_MAX;
  }
  lanes_end(&lanes);
  return count;
}

// In frames of about one length, as chunk-kernel.ts has them; 0 if that is not shorter.
static size_t compress(State *state, uint8_t *room, const uint8_t *bytes, size_t length) {
  const size_t frames = (length + MOST_FRAME - 1) / MOST_FRAME, each = (length + frames * PAGE - 1) / (frames * PAGE) * PAGE;
  size_t end = 0;
  for (size_t at = 0; at < length; at += each) {
    const size_t part = length - at < each ? length - at : each;
    const size_t size = ZSTD_compress2(state->compressor, room + end, length - 1 - end, bytes + at, part);
    if (ZSTD_isError(size)) return 0;
    end += size;
  }
  return end;
}

// squeeze(bytes, ranges, target, sizes, sums): `target` may be `bytes` if the ranges ascend, for what is stored is never longer.
static double squeeze(State *state, const Argument *a, const char **why) {
  const uint32_t *ranges = (uint32_t *)a[1].bytes;
  size_t end = 0;
  Lanes lanes = {.count = state->most_lanes};
  for (size_t i = 0; i < a[1].length / 2; i++) {
    const size_t start = ranges[2 * i], length = ranges[2 * i + 1];
    if (start > a[0].length || length > a[0].length - start || i >= a[3].length || (i + 1) * ID > a[4].length) return refuse(why, "A range lies in the bytes.");
    const uint8_t *stored = a[0].bytes + start;
    size_t size = length;
    if (length >= LEAST_SQUEEZED) {
      uint8_t *room = scratch(state, 0, length - 1);
      const size_t squeezed = room ? compress(state, room, stored, length) : 0;
      if (squeezed) stored = room, size = squeezed;
    }
    if (size > a[2].length - end) return refuse(why, "What is stored fits the target.");
    memmove(a[2].bytes + end, stored, size);
    if (size < length && !hash(state, &lanes, a[2].bytes + end, size, a[4].bytes + i * ID, NULL)) return refuse(why, "SHA-256 works.");
    ((uint32_t *)a[3].bytes)[i] = size;
    end += size;
  }
  lanes_end(&lanes);
  return end;
}

// unsqueeze(stored, items, ids, target, good): without room in an empty `target`, chunks are checked and dropped.
static double unsqueeze(State *state, const Argument *a, const char **why) {
  const uint32_t *items = (uint32_t *)a[1].bytes;
  size_t end = 0;
  size_t waiting = 0; // bytes in the scratch that may not be hashed yet
  Lanes lanes = {.count = state->most_lanes};
  for (size_t i = 0; i < a[1].length / ITEM_FIELDS && i < a[4].length; i++, items += ITEM_FIELDS) {
    const size_t start = items[0], stored_size = items[1], size = items[2];
    uint8_t *target = a[3].length ? a[3].bytes + end : NULL;
    a[4].bytes[i] = 0;
    if (target && size > a[3].length - end) return refuse(why, "What is decoded fits the target.");
    end += size;
    if (start > a[0].length || stored_size > a[0].length - start || (i + 1) * ID > a[2].length) continue;
    const uint8_t *stored = a[0].bytes + start;
    if (items[3]) {
      if (!target) {
        if (waiting + size > MOST_WAITING) lanes_end(&lanes), waiting = 0;
        uint8_t *room = scratch(state, 0, size > MOST_WAITING ? size : MOST_WAITING);
        target = room ? room + waiting : NULL;
        waiting += size;
      }
      if (!target || !decode(state, target, size, stored, stored_size)) continue;
      stored = target;
    } else if (stored_size != size) continue;
    else if (target) stored = memmove(target, stored, size);
    hash(state, &lanes, stored, size, a[2].bytes + i * ID, a[4].bytes + i);
  }
  lanes_end(&lanes);
  return end;
}

// extents(fd, from, size, pairs) -> how many pairs of start and end of data were found from `from` on, or -1 if nobody can tell.
static double extents(State *state, const Argument *a, const char **why) {
  (void)state, (void)why;
  double *pairs = (double *)a[3].bytes;
  size_t count = 0;
#if defined(SEEK_DATA) && defined(SEEK_HOLE)
  off_t at = a[1].number;
  for (; count < a[3].length / 2 && at < a[2].number; count++) {
    const off_t data = lseek((int)a[0].number, at, SEEK_DATA);
    if ((data < 0 && errno == ENXIO) || data >= a[2].number) break; // only a hole from here
    at = data < 0 ? -1 : lseek((int)a[0].number, data, SEEK_HOLE);
    if (at <= data) return -1;
    pairs[2 * count] = data;
    pairs[2 * count + 1] = at;
  }
  return count;
#else
  (void)pairs, (void)count;
  return -1;
#endif
}

// unpack(items, ids, good, file): see unpack.h
static double unpack(State *state, const Argument *a, const char **why) {
  const size_t count = a[0].length / UNPACK_FIELDS;
  if (count > a[1].length / ID || count > a[2].length || !(a[3].number >= -1 && a[3].number <= INT32_MAX)) return refuse(why, "Every item has an id and an answer.");
  unpack_all(state, (double *)a[0].bytes, count, a[1].bytes, a[2].bytes, (int)a[3].number);
  return count;
}

// decodeCached(items, count, parts, ids, good, target, ring): see decode-cached.h
static double decode_cached(State *state, const Argument *a, const char **why) {
  const double most = a[1].number;
  if (!(most >= 0 && most <= MOST_DECODED && most * UNPACK_FIELDS <= a[0].length && most * PART_FIELDS <= a[2].length &&
        most * ID <= a[3].length && most <= a[4].length))
    return refuse(why, "Every item has an id and answers, and they are few.");
  decode_all_cached(state, (double *)a[0].bytes, (size_t)most, (uint32_t *)a[2].bytes, a[3].bytes, a[4].bytes, a + 5);
  return most;
}

// readCached(fd, target, position) -> how many bytes the system had in memory, or -1 if it would have to wait for a disk.
static double read_cached(State *state, const Argument *a, const char **why) {
  (void)state, (void)why;
#if defined(RWF_NOWAIT)
  struct iovec target = {a[1].bytes, a[1].length};
  return preadv2((int)a[0].number, &target, 1, (off_t)a[2].number, RWF_NOWAIT);
#else
  (void)a;
  return -1;
#endif
}

// misalignment(bytes) -> how far behind the start of a page of memory they begin.
static double misalignment(State *state, const Argument *a, const char **why) {
  (void)state, (void)why;
  return (double)((uintptr_t)a[0].bytes % PAGE);
}

// stayAwake(): all is answered. Until the event loop has something to do, if that is likely to come soon. See stay-awake.h
static double stay_awake(State *state, const Argument *a, const char **why) {
  (void)a, (void)why;
  struct pollfd asked = {state->loop, POLLIN, 0};
  begin_watch(&state->watch);
  while (!poll(&asked, 1, 0))
    if (!stays_awake(&state->watch)) return 0;
  return 1;
}

// wasAsked(): there is something to do.
static double was_asked(State *state, const Argument *a, const char **why) {
  (void)a, (void)why;
  end_watch(&state->watch);
  return 0;
}

static void forget(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free_state(data);
}

NAPI_MODULE_INIT() {
  static Call splits = {"bnnnwwb", split}, squeezes = {"bwbwb", squeeze}, unsqueezes = {"bwbbb", unsqueeze}, finds = {"nnnd", extents},
              unpacks = {"dbbn", unpack}, decodes = {"dnwbbbb", decode_cached}, looks = {"b", misalignment}, reads = {"nbn", read_cached}, stays = {"", stay_awake}, was = {"", was_asked};
  const napi_property_descriptor functions[] = {
      {"split", NULL, now, NULL, NULL, NULL, napi_enumerable, &splits},
      {"splitLater", NULL, later, NULL, NULL, NULL, napi_enumerable, &splits},
      {"squeeze", NULL, now, NULL, NULL, NULL, napi_enumerable, &squeezes},
      {"squeezeLater", NULL, later, NULL, NULL, NULL, napi_enumerable, &squeezes},
      {"unsqueeze", NULL, now, NULL, NULL, NULL, napi_enumerable, &unsqueezes},
      {"unsqueezeLater", NULL, later, NULL, NULL, NULL, napi_enumerable, &unsqueezes},
      {"extents", NULL, now, NULL, NULL, NULL, napi_enumerable, &finds},
      {"unpack", NULL, now, NULL, NULL, NULL, napi_enumerable, &unpacks},
      {"unpackLater", NULL, later, NULL, NULL, NULL, napi_enumerable, &unpacks},
      {"decodeCached", NULL, now, NULL, NULL, NULL, napi_enumerable, &decodes},
      {"readCached", NULL, now, NULL, NULL, NULL, napi_enumerable, &reads},
      {"misalignment", NULL, now, NULL, NULL, NULL, napi_enumerable, &looks},
      {"stayAwake", NULL, now, NULL, NULL, NULL, napi_enumerable, &stays},
      {"wasAsked", NULL, now, NULL, NULL, NULL, napi_enumerable, &was},
      {"startThreads", NULL, start_threads, NULL, NULL, NULL, napi_enumerable, NULL},
      {"endThreads", NULL, end_threads, NULL, NULL, NULL, napi_enumerable, NULL}};
  State *state = find_all() ? new_state() : NULL;
  napi_value source;
  struct uv_loop_s *loop;
  if (!state || napi_set_instance_data(env, state, forget, NULL) != napi_ok) return fail(env, "This node exports no zstd, OpenSSL or libuv.");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || (state->loop = uv_backend_fd(loop)) < 0) return fail(env, "The event loop has no descriptor.");
  napi_create_string_utf8(env, SOURCE, NAPI_AUTO_LENGTH, &source); // which source it was built from
  napi_set_named_property(env, exports, "source", source);
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
