import { type BlobRequest, headerOf } from './blob-request.ts'
import { storageError } from './storage-error.ts'

/** A half-open range of bytes; on the wire the last byte is named instead. */
export interface ByteRange {
  readonly start: number
  /** The first byte behind it. */
  readonly end: number
}

const form = /^bytes=(\d{1,16})-(\d{1,16})?$/

const parse = (text: string, name: string): { first: number; last: number | undefined } => {
  const match = form.exec(text)
  if (!match) throw storageError.invalidHeader(name)
  const first = Number(match[1])
  const last = match[2] === undefined ? undefined : Number(match[2])
  if (last !== undefined && last < first) throw storageError.invalidHeader(name)
  return { first, last }
}

/** The range that a read asks for, cut at the end of the blob; `x-ms-range` wins over `Range`. */
export const readRange = (request: BlobRequest, sizeBytes: number): ByteRange | undefined => {
  const name = headerOf(request, 'x-ms-range') === undefined ? 'range' : 'x-ms-range'
  const text = headerOf(request, name)
  if (text === undefined) return undefined
  const { first, last } = parse(text, name)
  if (first >= sizeBytes) throw storageError.invalidRange(sizeBytes)
  return { start: first, end: Math.min(sizeBytes, (last ?? sizeBytes - 1) + 1) }
}

/** The unit in which page blobs are written and measured. */
export const pageBytes = 512

/** The range of a Put Page: whole pages inside the blob. */
export const pageRange = (request: BlobRequest, sizeBytes: number): ByteRange => {
  const name = headerOf(request, 'x-ms-range') === undefined ? 'range' : 'x-ms-range'
  const text = headerOf(request, name)
  if (text === undefined) throw storageError.missingHeader('x-ms-range')
  const { first, last } = parse(text, name)
  if (last === undefined) throw storageError.invalidHeader(name)
  if (first % pageBytes !== 0 || (last + 1) % pageBytes !== 0 || last >= sizeBytes)
    throw storageError.invalidPageRange()
  return { start: first, end: last + 1 }
}
