/** Chunks start and end at multiples of this, as file systems place their files. */
export const PAGE_BYTES = 4096

/** No chunk of any store is larger: what a stranger's manifest may make us allocate at once. */
export const MAX_CHUNK_BYTES = 1024 * 1024

const ZERO_PAGE = Buffer.alloc(PAGE_BYTES)
const GIBIBYTE = 2 ** 30

/** Big images get bigger chunks, so that their index and manifest stay small. A chunk has a quarter to four times this size. */
export const nominalBytesFor = (imageBytes: number): number => (imageBytes > 32 * GIBIBYTE ? 128 : 64) * 1024

const isZero = (bytes: Uint8Array, words: Int32Array, from: number, to: number): boolean => {
  const word = from >> 2
  if (to - from === PAGE_BYTES && (words[word]! | words[word + 1]! | words[word + 512]! | words[word + 1020]!) !== 0)
    return false
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).compare(ZERO_PAGE, 0, to - from) === 0
}

/** The end of a file's last page is zero-filled slack: the page after it starts another file. */
const endsFile = (words: Int32Array, page: number): boolean => {
  const last = (page >> 2) + 1020
  return (words[last]! | words[last + 1]! | words[last + 2]! | words[last + 3]!) === 0
}

const sample = (words: Int32Array, page: number): number => {
  const first = page >> 2
  let hash = 0x9e3779b9 | 0
  for (let i = 0; i < 16; i++) {
    hash = Math.imul(hash ^ words[first + i]!, 0x85ebca6b)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * Cuts `bytes[start, end)` into chunks where the content says so, so that a file that moved is cut as before. Page boundaries are
 * the multiples of 4,096 of the buffer: the caller places its bytes so that they are the image's. Zero pages are never emitted.
 * The answer is the start of the last chunk if only `end` ended it, and more bytes might have made it longer; else -1.
 */
export const cutPages = (
  bytes: Uint8Array,
  start: number,
  end: number,
  nominalBytes: number,
  emit: (start: number, length: number) => void,
): number => {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
  const nominalPages = nominalBytes / PAGE_BYTES
  const [least, most] = [nominalBytes / 4, nominalBytes * 4]
  const [rarely, often] = [2 ** 32 / (nominalPages * 4), 2 ** 32 / (nominalPages / 4)]
  let chunk = -1
  const close = (at: number) => {
    if (chunk >= 0) emit(chunk, at - chunk)
    chunk = -1
  }
  for (let page = start - (start % PAGE_BYTES); page < end; page += PAGE_BYTES) {
    const from = Math.max(page, start)
    const to = Math.min(page + PAGE_BYTES, end)
    if (isZero(bytes, words, from, to)) {
      close(from)
      continue
    }
    if (chunk < 0) chunk = from
    const length = to - chunk
    if (length < least || to - from < PAGE_BYTES) continue
    if (length >= most || endsFile(words, page) || sample(words, page) < (length < nominalBytes ? rarely : often))
      close(to)
  }
  const open = chunk
  close(end)
  return open
}
