import { hash, timingSafeEqual } from 'node:crypto'

/** Whether two texts are the same, in a time that tells nothing of how much of them is, nor of how long the right one is. */
export const isSameSecret = (given: string | Uint8Array, right: string | Uint8Array): boolean =>
  timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', right, 'buffer'))
