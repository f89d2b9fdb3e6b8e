import { loadNative, type Native, type NativeCalls } from '#data-plane/native/load-native.ts'
import {
  type ChunkKernel,
  ITEM_FIELDS,
  type Split,
  type Squeezed,
  scriptKernel,
  UNPACK_FIELDS,
} from './chunk-kernel.ts'
import { PAGE_BYTES } from './page-cut.ts'

const NOTHING = new Uint8Array(0)

/** A call of the native kernel, with room for what it finds, and what that means. */
interface Prepared<Name extends keyof NativeCalls, Found> {
  readonly given: NativeCalls[Name]
  readonly found: (answer: number) => Found
}

/** What the kernel's functions are called with, whether now or later. */
export const nativeCalls = {
  split(...[bytes, start, end, nominalBytes]: Parameters<ChunkKernel['split']>): Prepared<'split', Split> {
    // Every page may be a chunk, between pages of zeros; the first and the last may be partial.
    const most = Math.ceil((end - start) / PAGE_BYTES) + 2
    const size = most > 0 ? most : 0 // the kernel refuses what is no part of the bytes
    const [starts, lengths, ids] = [new Uint32Array(size), new Uint32Array(size), new Uint8Array(size * 32)]
    return {
      given: [bytes, start, end, nominalBytes, starts, lengths, ids],
      found: count => ({
        starts: starts.slice(0, count),
        lengths: lengths.slice(0, count),
        ids: ids.slice(0, count * 32),
      }),
    }
  },
  squeeze(...[bytes, ranges, target]: Parameters<ChunkKernel['squeezeRanges']>): Prepared<'squeeze', Squeezed> {
    const sizes = new Uint32Array(ranges.length / 2)
    const sums = new Uint8Array(sizes.length * 32)
    return { given: [bytes, ranges, target, sizes, sums], found: () => ({ sizes, sums }) }
  },
  unsqueeze(
    ...[stored, items, ids, target]: Parameters<ChunkKernel['unsqueezeRanges']>
  ): Prepared<'unsqueeze', Uint8Array> {
    const good = new Uint8Array(items.length / ITEM_FIELDS)
    return { given: [stored, items, ids, target ?? NOTHING, good], found: () => good }
  },
  unpack(...[items, ids, file]: Parameters<ChunkKernel['unpack']>): Prepared<'unpack', Uint8Array> {
    const good = new Uint8Array(items.length / UNPACK_FIELDS)
    return { given: [items, ids, good, file], found: () => good }
  },
} as const

const kernelOf = (native: Native): ChunkKernel => ({
  name: 'native',
  split(...asked) {
    const { given, found } = nativeCalls.split(...asked)
    return found(native.split(...given))
  },
  squeezeRanges(...asked) {
    const { given, found } = nativeCalls.squeeze(...asked)
    return found(native.squeeze(...given))
  },
  unsqueezeRanges(...asked) {
    const { given, found } = nativeCalls.unsqueeze(...asked)
    return found(native.unsqueeze(...given))
  },
  unpack(...asked) {
    const { given, found } = nativeCalls.unpack(...asked)
    return found(native.unpack(...given))
  },
  decodeCached: native.decodeCached,
})

/** Which kernel is at work, for people. */
export const kernelInWords = (native = loadNative()): string =>
  typeof native === 'string' ? `JavaScript; the native kernel, which is faster, ${native}` : 'native'

/** The native kernel where it was built, else the one in JavaScript. */
export const fastestKernel = (native = loadNative()): ChunkKernel =>
  typeof native === 'string' ? scriptKernel : kernelOf(native)
