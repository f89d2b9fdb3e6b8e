// Chunks that the system has in memory, for who waits for them: read in the calling thread, then hashed and decoded in two. Part of
// kernel.c.
#pragma once
#include "helper.h"
#include "unpack.h"

enum { MOST_DECODED = 64, MOST_PIECES = 256, PART_FIELDS = 3, MOST_STORED = 4 << 20, WORTH_HELP = 8 << 10 };

// What is hashed, and whether it is what the id says.
typedef struct { const uint8_t *bytes; size_t length; uint8_t *id, *good; } Message;

// A frame to decode, or all of a chunk's; where it is noted that this can't be done; and the id, if that is to be compared with what comes out.
typedef struct {
  const uint8_t *in;
  size_t stored, size;
  uint8_t *out;
  atomic_uchar *bad;
  Message checked;
} Piece;

typedef struct {
  Work work;
  Message messages[MOST_DECODED];
  Piece pieces[MOST_PIECES];
  size_t message_count, piece_count;
  atomic_size_t next, ready; // the first part that nobody has begun, and how many can be: the pieces, then two messages each
  atomic_int is_planned; // all of them are ready
} Decoding;

// A part for the caller alone. None when all are begun; or when more ought to follow, but who plans them is kept from it.
static int claim(Decoding *decoding, size_t *part) {
  for (int i = 0; i < PATIENCE; i++) {
    const int is_planned = atomic_load(&decoding->is_planned);
    *part = atomic_load(&decoding->next);
    if (*part < atomic_load(&decoding->ready)) {
      if (atomic_compare_exchange_strong(&decoding->next, part, *part + 1)) return 1;
    } else if (is_planned) return 0;
  }
  return 0;
}

static int decode_piece(State *state, const Piece *piece) {
  if (!decode(state, piece->out, piece->size, piece->in, piece->stored)) return 0;
  if (!piece->checked.id) return 1;
  Lanes lanes = {.count = state->most_lanes};
  const int is_hashed = hash(state, &lanes, piece->out, piece->size, piece->checked.id, piece->checked.good);
  lanes_end(&lanes);
  return is_hashed;
}

static void decode_some(State *state, Work *work) {
  Decoding *decoding = (Decoding *)work;
  for (size_t i; claim(decoding, &i);) {
    if (!atomic_load(&decoding->is_planned) || i < decoding->piece_count) { // there are no messages before
      if (!decode_piece(state, &decoding->pieces[i])) atomic_store(decoding->pieces[i].bad, 1);
      continue;
    }
    Lanes lanes = {.count = state->most_lanes};
    const size_t first = 2 * (i - decoding->piece_count);
    for (size_t j = first; j < first + 2 && j < decoding->message_count; j++) {
      const Message *message = &decoding->messages[j];
      hash(state, &lanes, message->bytes, message->length, message->id, message->good);
    }
    lanes_end(&lanes);
  }
}

static int read_all_cached(int file, uint8_t *bytes, size_t length, off_t offset) {
#if defined(RWF_NOWAIT)
  struct iovec target = {bytes, length};
  return preadv2(file, &target, 1, offset, RWF_NOWAIT) == (ssize_t)length;
#else
  (void)file, (void)bytes, (void)length, (void)offset;
  return 0;
#endif
}

// The frames of a chunk that decode to something of what is wanted become pieces; `from` and `to` is what they decode to. 0 if they make no
// sense, or are too many.
static int plan_frames(Decoding *decoding, const Wanted *wanted, const uint8_t *in, uint8_t *out, atomic_uchar *bad, uint32_t *from, uint32_t *to) {
  const size_t start = wanted->skip, end = start + wanted->length;
  size_t decoded = 0, count = decoding->piece_count;
  *from = *to = 0;
  for (size_t at = 0, stored; at < wanted->stored && decoded < end; at += stored) {
    stored = ZSTD_findFrameCompressedSize(in + at, wanted->stored - at);
    if (ZSTD_isError(stored)) return 0;
    const unsigned long long size = ZSTD_getFrameContentSize(in + at, stored);
    if (!size || size > wanted->size - decoded || count == MOST_PIECES) return 0;
    if (decoded + size > start) {
      if (!*to) *from = decoded;
      *to = decoded + size;
      decoding->pieces[count++] = (Piece){in + at, stored, size, out + decoded, bad, {0}};
    }
    decoded += size;
  }
  if (*to < end) return 0;
  decoding->piece_count = count;
  return 1;
}

// Reads one chunk and notes what there is to do. `in` gets what is stored, where that is something else. `part` learns what there will be.
static void plan_chunk(Decoding *decoding, const Wanted *wanted, uint8_t *in, uint8_t *out, uint32_t *part, uint8_t *id, uint8_t *good, atomic_uchar *bad) {
  if (!wanted->is_zstd && wanted->stored != wanted->size) return;
  if (!read_all_cached(wanted->pack, wanted->is_zstd ? in : out, wanted->stored, wanted->offset)) return;
  if (wanted->is_zstd && wanted->by_sum && plan_frames(decoding, wanted, in, out, bad, part, part + 1)) {
    decoding->messages[decoding->message_count++] = (Message){in, wanted->stored, id, good};
    return;
  }
  part[0] = 0, part[1] = wanted->size;
  if (!wanted->is_zstd) decoding->messages[decoding->message_count++] = (Message){out, wanted->size, id, good};
  else if (wanted->by_sum || decoding->piece_count == MOST_PIECES) return;
  else decoding->pieces[decoding->piece_count++] = (Piece){in, wanted->stored, wanted->size, out, bad, {NULL, 0, id, good}};
}

// Of each chunk what is wanted, and what is decoded with it, gets to its place in the first or the second of the targets: `parts` has which
// one for each item, and learns from where to where the chunk is there. The whole of it has room. One that is to be read from a disk is
// not good. Where is_zstd is 2 the id is the hash of what is stored, which is shorter.
static void decode_all_cached(State *state, const double *items, size_t count, uint32_t *parts, uint8_t *ids, uint8_t *good, const Argument *targets) {
  Decoding decoding; // too long to be cleared for a short read
  decoding.work = (Work){decode_some};
  decoding.message_count = decoding.piece_count = 0;
  atomic_init(&decoding.next, 0);
  atomic_init(&decoding.ready, 0);
  atomic_init(&decoding.is_planned, 0);
  atomic_uchar bad[MOST_DECODED];
  for (size_t i = 0; i < count; i++) atomic_init(&bad[i], 0);
  Wanted wanted[MOST_DECODED];
  size_t stored = 0, size = 0;
  if (count) memset(good, 0, count); // an empty array may lie nowhere
  for (size_t i = 0; i < count; i++) {
    if (!is_wanted(items + i * UNPACK_FIELDS, &wanted[i])) wanted[i] = (Wanted){0};
    stored += wanted[i].stored, size += wanted[i].size;
  }
  const int is_helped = size >= WORTH_HELP;
  if (is_helped) call_helper(state, &decoding.work);
  uint8_t *in = stored <= MOST_STORED ? scratch(state, 0, stored) : NULL;
  for (size_t i = 0; in && i < count; in += wanted[i++].stored) {
    uint32_t *part = parts + i * PART_FIELDS;
    const Argument to = targets[part[0] != 0];
    if (!wanted[i].stored || (size_t)wanted[i].target > to.length || wanted[i].size > to.length - (size_t)wanted[i].target) continue;
    plan_chunk(&decoding, &wanted[i], in, to.bytes + wanted[i].target, part + 1, ids + i * ID, good + i, bad + i);
    atomic_store(&decoding.ready, decoding.piece_count);
  }
  atomic_store(&decoding.is_planned, 1); // first: as long as it is not, all parts are pieces
  atomic_store(&decoding.ready, decoding.piece_count + (decoding.message_count + 1) / 2);
  decode_some(state, &decoding.work);
  if (is_helped) dismiss_helper(state, &decoding.work);
  for (size_t i = 0; i < count; i++) good[i] &= !bad[i];
}
