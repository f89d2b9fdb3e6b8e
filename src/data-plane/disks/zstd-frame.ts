import { HostileDisk } from './hostile-disk.ts'

const frameMagic = 0xfd2fb528
const dictionaryBytes = [0, 1, 2, 4] as const
const contentSizeBytes = [0, 2, 4, 8] as const
const runLength = 1

/**
 * How long the zstd frame at the start of these bytes is, by RFC 8878. A qcow2 rounds compressed clusters up to sectors, and zstd,
 * unlike deflate, takes what follows a frame for the next one.
 */
export const zstdFrameBytes = (bytes: Buffer): number => {
  const need = (end: number) => {
    if (end > bytes.length) throw new HostileDisk('A compressed cluster is cut short: the disk file is damaged.')
  }
  need(5)
  if (bytes.readUInt32LE(0) !== frameMagic) throw new HostileDisk('A compressed cluster is damaged: it is not zstd.')
  const descriptor = bytes.readUInt8(4)
  const isSingleSegment = (descriptor & 32) !== 0
  const sizeFlag = descriptor >> 6
  const contentSize = sizeFlag === 0 && isSingleSegment ? 1 : (contentSizeBytes[sizeFlag] ?? 0)
  let at = 5 + (isSingleSegment ? 0 : 1) + (dictionaryBytes[descriptor & 3] ?? 0) + contentSize
  for (let isLast = false; !isLast; ) {
    need(at + 3)
    const block = bytes.readUIntLE(at, 3)
    isLast = (block & 1) !== 0
    at += 3 + (((block >> 1) & 3) === runLength ? 1 : block >> 3)
  }
  at += descriptor & 4 ? 4 : 0 // a checksum of the content
  need(at)
  return at
}
