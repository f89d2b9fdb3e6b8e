import type { Clock } from '#foundation/clock.ts'

/** When something changed, and the tag of that change: no two changes get the same one. */
export interface Stamp {
  readonly etag: string
  readonly modifiedMs: number
}

/** Tags as Azure writes them: the time in units of 100 ns, never the same twice. */
export const etags = (clock: Clock): (() => Stamp) => {
  let last = 0n
  return () => {
    const modifiedMs = clock.now().getTime()
    const ticks = (BigInt(modifiedMs) + 62_135_596_800_000n) * 10_000n
    last = ticks > last ? ticks : last + 1n
    return { etag: `0x${last.toString(16).toUpperCase()}`, modifiedMs }
  }
}

/** Azure quotes the tag in headers, and leaves the quotes out in lists of blobs. */
export const stampHeaders = (stamp: Stamp): Record<string, string> => ({
  etag: `"${stamp.etag}"`,
  'last-modified': new Date(stamp.modifiedMs).toUTCString(),
})
