// From packs into a file, without a detour through the memory of anybody else: a thread reads chunks, decodes and checks them, and
// writes them, a few at a time, so that all of it happens in the processor's cache. Part of kernel.c.
#pragma once
#include <fcntl.h>

enum { UNPACK_FIELDS = 8, MOST_CHUNK = 1 << 20, TOGETHER = 256 << 10, MOST_TOGETHER = 64, LEAST_STRETCH = 64 << 10 };

// A chunk to be unpacked: where it lies, what it becomes, and which part of that goes where.
typedef struct { int pack, is_zstd, by_sum; off_t offset, target; size_t stored, size, skip, length; } Wanted;

static int is_wanted(const double *fields, Wanted *wanted) {
  for (int i = 0; i < UNPACK_FIELDS; i++)
    if (!(fields[i] >= 0 && fields[i] < 9007199254740992.0)) return 0;
  *wanted = (Wanted){fields[0], fields[4] != 0, fields[4] == 2, fields[1], fields[7], fields[2], fields[3], fields[5], fields[6]};
  return fields[0] <= INT32_MAX && wanted->stored <= MOST_CHUNK && wanted->size <= MOST_CHUNK && wanted->skip <= wanted->size &&
         wanted->length <= wanted->size - wanted->skip;
}

static int read_all(int file, uint8_t *bytes, size_t length, off_t offset) {
  for (ssize_t done; length; bytes += done, length -= done, offset += done)
    if ((done = pread(file, bytes, length, offset)) <= 0) return 0;
  return 1;
}

static int write_all(int file, const uint8_t *bytes, size_t length, off_t offset) {
  for (ssize_t done; length; bytes += done, length -= done, offset += done)
    if ((done = pwrite(file, bytes, length, offset)) <= 0) return 0;
  return 1;
}

// What lies side by side is read together, checked two by two, and written together, all of it while it is in the processor's cache.
static void unpack_few(State *state, const Wanted *wanted, size_t count, uint8_t *in, uint8_t *out, uint8_t *ids, uint8_t *good, int file) {
  Lanes lanes = {.count = state->most_lanes};
  uint8_t *from = in, *to = out;
  for (size_t i = 0, next; i < count; i = next) {
    size_t run = wanted[i].stored;
    for (next = i + 1; next < count && wanted[next].pack == wanted[i].pack && wanted[next].offset == wanted[i].offset + (off_t)run; next++)
      run += wanted[next].stored;
    const int is_read = read_all(wanted[i].pack, from, run, wanted[i].offset);
    for (size_t j = i; j < next; from += wanted[j].stored, to += wanted[j].size, j++) {
      if (!is_read) continue;
      if (wanted[j].is_zstd) {
        if (!decode(state, to, wanted[j].size, from, wanted[j].stored)) continue;
      } else if (wanted[j].stored != wanted[j].size) continue;
      else memcpy(to, from, wanted[j].size);
      hash(state, &lanes, to, wanted[j].size, ids + j * ID, good + j);
    }
  }
  lanes_end(&lanes);
  if (file < 0) return;
  const uint8_t *chunk = out;
  for (size_t i = 0, next; i < count; i = next) {
    const uint8_t *start = chunk + wanted[i].skip, *end = start + wanted[i].length;
    chunk += wanted[i].size;
    next = i + 1;
    if (!good[i]) continue;
    for (; next < count && good[next] && end == chunk && !wanted[next].skip && wanted[next].target == wanted[i].target + (end - start); next++)
      end += wanted[next].length, chunk += wanted[next].size;
    if (!write_all(file, start, end - start, wanted[i].target)) memset(good + i, 0, next - i);
  }
}

// Finds room for what will be written in long stretches: asked for page by page, that takes as long as a third of the writing. Nothing
// depends on it, and what can't be given now is told by the write.
static void allocate_stretches(const double *items, size_t count, int file) {
#if defined(FALLOC_FL_KEEP_SIZE)
  off_t start = 0, end = 0;
  for (size_t i = 0; i <= count; i++, items += UNPACK_FIELDS) {
    Wanted wanted = {0};
    if (i < count && !is_wanted(items, &wanted)) continue;
    if (i == count || wanted.target != end) {
      if (end - start >= LEAST_STRETCH) fallocate(file, FALLOC_FL_KEEP_SIZE, start, end - start);
      start = wanted.target;
    }
    end = wanted.target + (off_t)wanted.length;
  }
#else
  (void)items, (void)count, (void)file;
#endif
}

// Reads chunks from their packs, and writes what is wanted of the good ones into an open file, or with -1 nowhere. Why one is not good
// (it is damaged or has moved, the disk is full) is found out by who asks again.
static void unpack_all(State *state, const double *items, size_t count, uint8_t *ids, uint8_t *good, int file) {
  if (count) memset(good, 0, count); // an empty array may lie nowhere
  if (file >= 0) allocate_stretches(items, count, file);
  for (size_t first = 0, few; first < count; first += few ? few : 1) { // one that makes no sense is passed over
    Wanted wanted[MOST_TOGETHER];
    size_t stored = 0, size = 0;
    for (few = 0; few < MOST_TOGETHER && first + few < count && is_wanted(items + (first + few) * UNPACK_FIELDS, &wanted[few]); few++) {
      if (few && size + wanted[few].size > TOGETHER) break;
      stored += wanted[few].stored, size += wanted[few].size;
    }
    uint8_t *in = scratch(state, 0, stored), *out = scratch(state, 1, size);
    if (in && out) unpack_few(state, wanted, few, in, out, ids + first * ID, good + first, file);
  }
}
