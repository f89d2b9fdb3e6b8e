import { hash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** What is computed over bytes. */
export interface NativeCalls {
  /** The number of chunks. */
  split: [
    bytes: Uint8Array,
    start: number,
    end: number,
    nominalBytes: number,
    starts: Uint32Array,
    lengths: Uint32Array,
    ids: Uint8Array,
  ]
  squeeze: [bytes: Uint8Array, ranges: Uint32Array, target: Uint8Array, sizes: Uint32Array, sums: Uint8Array]
  unsqueeze: [stored: Uint8Array, items: Uint32Array, ids: Uint8Array, target: Uint8Array, good: Uint8Array]
  unpack: [items: Float64Array, ids: Uint8Array, good: Uint8Array, file: number]
}

/** Threads of the kernel's own. */
export interface NativePool {
  readonly pool: never
}

/** Gives a call to a pool. The arguments have to stay, unmoved and untouched, until the pool tells of it, or has ended. */
type Later<Given extends unknown[]> = (pool: NativePool, id: number, ...given: Given) => void

/** What `kernel.c` exports. It checks every offset and size against the arrays, and throws a `RangeError` where one leaves them. */
export interface Native {
  split(...given: NativeCalls['split']): number
  splitLater: Later<NativeCalls['split']>
  squeeze(...given: NativeCalls['squeeze']): number
  squeezeLater: Later<NativeCalls['squeeze']>
  unsqueeze(...given: NativeCalls['unsqueeze']): number
  unsqueezeLater: Later<NativeCalls['unsqueeze']>
  unpack(...given: NativeCalls['unpack']): number
  unpackLater: Later<NativeCalls['unpack']>
  /**
   * Decodes and verifies the first `count` chunks of packs that the system has in memory, to places of `target` and `ring`: `good` tells of which,
   * and `parts` how much of each, which is what is wanted or more. All other bytes at its place are undefined; places don't overlap. The fields of `items` are
   * those of `DecodeItem`, those of `parts` say 1 for the ring, and from where to where the chunk was decoded.
   */
  decodeCached(
    items: Float64Array,
    count: number,
    parts: Uint32Array,
    ids: Uint8Array,
    good: Uint8Array,
    target: Uint8Array,
    ring: Uint8Array,
  ): void
  extents(fd: number, from: number, sizeBytes: number, pairs: Float64Array): number
  /** How many bytes the system had in memory, or -1 if it would have to wait for a disk. */
  readCached(fd: number, target: Uint8Array, position: number): number
  /**
   * All is answered. If the last question came within 200 µs, this waits for so long, awake, until the event loop has something to do, and
   * lets everybody else have the processor; where others need it, this returns at once for a while. 1 if there is something to do.
   */
  stayAwake(): number
  /** A question is here. */
  wasAsked(): number
  /** How far behind the start of a page of memory the bytes begin. */
  misalignment(bytes: Uint8Array): number
  /** `done` is told what became of each call: its answer, or why it was refused. */
  startThreads(count: number, done: (id: number, answer: number, refusal?: string) => void): NativePool
  /** Waits for the calls that run; those that wait are dropped, and none is told of any more. */
  endThreads(pool: NativePool): void
}

/** In the order in which build-native.mjs reads them too. */
const readSources = (): Buffer[] =>
  fs
    .readdirSync(import.meta.dirname)
    .filter(file => /\.[ch]$/.test(file))
    .sort()
    .map(file => fs.readFileSync(new URL(file, import.meta.url)))
const built = new URL('kernel.node', import.meta.url)

/** What the build writes into the kernel: one that was built from another source is not loaded. */
export const sourceName = (text: Uint8Array): string => hash('sha256', text)

/**
 * The native kernel, if `npm run build:native` made one that fits; else why not, in words for people. The environment's
 * `OPENGALLERY_NATIVE=0` does without.
 */
export const loadNative = (setting = process.env.OPENGALLERY_NATIVE): Native | string => {
  if (setting === '0') return 'is switched off by OPENGALLERY_NATIVE=0'
  if (!fs.existsSync(built)) return 'was not built here: `npm run build:native` does it where there is a C compiler'
  try {
    const native = createRequire(import.meta.url)(fileURLToPath(built))
    return native.source === sourceName(Buffer.concat(readSources()))
      ? native
      : 'was built from another version: run `npm run build:native`'
  } catch (error) {
    return `can't be loaded (${error instanceof Error ? error.message : error}): run \`npm run build:native\``
  }
}
