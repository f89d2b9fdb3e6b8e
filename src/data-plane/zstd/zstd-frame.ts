const frameMagic = 0xfd2fb528
const dictionaryBytes = [0, 1, 2, 4] as const
const contentSizeBytes = [0, 2, 4, 8] as const
const runLength = 1

/** How long the zstd frame at `start` is, by RFC 8878; undefined if there is none, or not all of it. What it decodes to is not looked at. */
export const zstdFrameBytes = (file: Uint8Array, start = 0): number | undefined => {
  const bytes = Buffer.from(file.buffer, file.byteOffset + start, file.byteLength - start)
  if (bytes.length < 5 || bytes.readUInt32LE(0) !== frameMagic) return undefined
  const descriptor = bytes.readUInt8(4)
  const isSingleSegment = (descriptor & 32) !== 0
  const sizeFlag = descriptor >> 6
  const contentSize = sizeFlag === 0 && isSingleSegment ? 1 : (contentSizeBytes[sizeFlag] ?? 0)
  let at = 5 + (isSingleSegment ? 0 : 1) + (dictionaryBytes[descriptor & 3] ?? 0) + contentSize
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return undefined
    const block = bytes.readUIntLE(at, 3)
    isLast = (block & 1) !== 0
    at += 3 + (((block >> 1) & 3) === runLength ? 1 : block >> 3)
  }
  at += descriptor & 4 ? 4 : 0 // a checksum of the content
  return at <= bytes.length ? at : undefined
}
