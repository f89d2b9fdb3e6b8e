import { type BlobRequest, headerOf } from './blob-request.ts'
import type { Stamp } from './etags.ts'
import { storageError } from './storage-error.ts'

const tags = (header: string): string[] =>
  header.split(',').map(tag =>
    tag
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1'),
  )

const matches = (header: string, stamp: Stamp): boolean => tags(header).some(tag => tag === '*' || tag === stamp.etag)

const timeOf = (request: BlobRequest, name: string): number | undefined => {
  const header = headerOf(request, name)
  if (header === undefined) return undefined
  const time = Date.parse(header)
  if (Number.isNaN(time)) throw storageError.invalidHeader(name)
  return time
}

/** HTTP dates have whole seconds: a change within the same second counts as no change. */
const wholeSecond = (stamp: Stamp): number => Math.floor(stamp.modifiedMs / 1000) * 1000

/** Checks the conditional headers of a request against what is there. A read that is not needed is answered 304. */
export const requireConditions = (request: BlobRequest, stamp: Stamp | undefined): void => {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const ifMatch = headerOf(request, 'if-match')
  const ifNoneMatch = headerOf(request, 'if-none-match')
  if (ifMatch !== undefined && !(stamp && matches(ifMatch, stamp))) throw storageError.conditionNotMet()
  if (ifNoneMatch !== undefined && stamp && matches(ifNoneMatch, stamp)) {
    if (isRead) throw storageError.notModified()
    throw ifNoneMatch.trim() === '*' ? storageError.blobAlreadyExists() : storageError.conditionNotMet()
  }
  const unmodifiedSince = timeOf(request, 'if-unmodified-since')
  if (unmodifiedSince !== undefined && stamp && wholeSecond(stamp) > unmodifiedSince)
    throw storageError.conditionNotMet()
  const modifiedSince = timeOf(request, 'if-modified-since')
  if (modifiedSince !== undefined && ifNoneMatch === undefined && stamp && wholeSecond(stamp) <= modifiedSince)
    throw isRead ? storageError.notModified() : storageError.conditionNotMet()
}

/** Whether a write depends on the state before it, so that it must not run beside another one. */
export const isConditional = (request: BlobRequest): boolean =>
  ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].some(
    name => headerOf(request, name) !== undefined,
  ) || Object.keys(request.headers).some(name => name.startsWith('x-ms-if-sequence-number-'))
