const firstWindowBytes = 256 * 1024
/** Programs and their parts are read in order too, but soon end: what was read ahead of them costs more than it saves. */
const bytesInOrder = 384 * 1024
const mostReaders = 16

/** Somebody who seems to read in order. */
interface Reader {
  nextOffset: number
  readBytes: number
  windowBytes: number
  /** Up to where was read ahead. */
  aheadUntil: number
}

/** Tells who reads in order, and how far ahead of him to read: twice as far each time. */
export class ReadAhead {
  readonly #sizeBytes: number
  readonly #mostBytes: number
  readonly #readers: Reader[] = []

  constructor({ sizeBytes }: { readonly sizeBytes: number }, mostBytes: number) {
    this.#sizeBytes = sizeBytes
    this.#mostBytes = mostBytes
  }

  /** What is to be read after `[offset, end)` was asked for, if that is no more than `mostBytes`. */
  after(offset: number, end: number, mostBytes: number): { readonly from: number; readonly until: number } | undefined {
    const reader = this.#readers.find(({ nextOffset }) => nextOffset === offset)
    if (!reader) {
      if (this.#readers.length === mostReaders) this.#readers.shift()
      this.#readers.push({ nextOffset: end, readBytes: end - offset, windowBytes: 0, aheadUntil: end })
      return undefined
    }
    this.#readers.splice(this.#readers.indexOf(reader), 1)
    this.#readers.push(reader)
    reader.nextOffset = end
    reader.readBytes += end - offset
    if (reader.readBytes < bytesInOrder) return undefined
    reader.windowBytes = Math.min(this.#mostBytes, Math.max(firstWindowBytes, reader.windowBytes * 2))
    const from = Math.max(end, reader.aheadUntil)
    const until = Math.min(this.#sizeBytes, end + reader.windowBytes)
    // In pieces worth asking for, unless it is the end.
    if (until - from < Math.min(reader.windowBytes / 2, this.#sizeBytes - from) || until <= from) return undefined
    if (until - from > mostBytes) return undefined
    reader.aheadUntil = until
    return { from, until }
  }
}
