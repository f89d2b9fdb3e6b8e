import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { dataRuns } from '#data-plane/disks/data-runs.ts'
import { asFixedVhd, fixedVhdFooter } from '#data-plane/disks/fixed-vhd.ts'
import { diskBytesFor, paddedToDisk } from '#data-plane/disks/padded-to-disk.ts'
import type { ChangedBytes, SparseBytes } from '#foundation/sparse-bytes.ts'
import { ArmRefused } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import type { ServerAdmin, VersionRanges } from '../client/server-admin.ts'
import { Failure } from '../failure.ts'
import { differingPages, type PageChange, type StoredRange } from './differing-pages.ts'
import { digestingBytes } from './digesting-bytes.ts'
import { type PageBlob, pageBlob } from './page-blob.ts'

const grantSeconds = 24 * 3600
const requestsAtOnce = 6
const maxRequestBytes = 4 * 2 ** 20

export interface Uploaded {
  /** What travelled: pages that are not all zeros. */
  readonly sentBytes: number
  /** Of the image without its padding, as `sha256sum` gives it for the raw file; unknown where only a change was read. */
  readonly sha256?: string
  /** Where the upload started as the bytes of a version: how much of the image is not the version's. */
  readonly differingBytes?: number
}

/** The version that an upload starts as. Unless it is wished for, all is sent where that can't be, or is larger than the disk. */
export interface UploadStart {
  readonly id: string
  readonly isWished: boolean
}

export interface UploadWatch {
  /** How far the reader has come, and how much of that had to travel. */
  onProgress(doneBytes: number, sentBytes: number): void
  readonly signal?: AbortSignal
}

type Uploader = Pick<Client, 'arm' | 'https' | 'clock' | 'admin'>

/**
 * Makes a managed disk of the image: an empty one that takes an upload, the pages that hold data as a fixed VHD through its
 * signed URL, and the end of the upload. With a base only the pages that differ from it are sent.
 */
export const uploadDisk = async (
  client: Uploader,
  disk: NewDisk,
  image: SparseBytes,
  watch: UploadWatch,
  base?: UploadStart,
): Promise<Uploaded> => {
  const digesting = digestingBytes(image, watch.signal)
  const padded = paddedToDisk(digesting)
  const vhd = asFixedVhd(padded)
  const sent = await withUpload(client, disk, vhd.sizeBytes, async blob => {
    const ranges = base && (await startFrom(client, disk, base, padded.sizeBytes))
    if (ranges) return await sendDifference(padded, ranges, blob, watch)
    const { sentBytes } = await sendPages(requestsOf(vhd, watch.signal), blob, watch)
    return { sentBytes }
  })
  return { ...sent, sha256: await digesting.sha256() }
}

/**
 * Has the upload start as the base. Answers what that consists of; undefined if it was refused and the upload is still empty: sending
 * all that is not zeros is enough then, and only then.
 */
export const startFrom = async (
  { admin }: { readonly admin: Pick<ServerAdmin, 'rangesOfVersion' | 'startUploadFrom'> },
  disk: NewDisk,
  { id, isWished }: UploadStart,
  diskBytes: number,
): Promise<AsyncGenerator<StoredRange[]> | undefined> => {
  try {
    const first = await admin.rangesOfVersion(id)
    if (!isWished && first.sizeBytes > diskBytes) return undefined
    const { manifest } = await admin.startUploadFrom(disk.id, id)
    return rangesFrom(admin, id, manifest, first)
  } catch (error) {
    const isStillEmpty = error instanceof ArmRefused && error.status < 500 && error.code !== 'UploadBegun'
    if (!isWished && isStillEmpty) return undefined
    throw error
  }
}

/** All ranges, the next ones asked for while the last are compared. */
async function* rangesFrom(
  admin: Pick<ServerAdmin, 'rangesOfVersion'>,
  id: string,
  manifest: string,
  first: VersionRanges,
): AsyncGenerator<StoredRange[]> {
  for (let answer = first; ; ) {
    if (answer.manifest !== manifest)
      throw new Failure(`${id} was deleted and published anew meanwhile.`, { advice: 'Publish again.' })
    const next = answer.next === undefined ? undefined : admin.rangesOfVersion(id, answer.next)
    next?.catch(() => {}) // it is awaited in its turn
    yield answer.ranges.map(([offset, length, chunk]) => ({ offset, length, chunk: chunk ?? undefined }))
    if (!next) return
    answer = await next
  }
}

const sendDifference = async (
  image: SparseBytes,
  ranges: AsyncGenerator<StoredRange[]>,
  blob: PageBlob,
  { onProgress, signal }: UploadWatch,
): Promise<{ sentBytes: number; differingBytes: number }> => {
  const footer = fixedVhdFooter(image.sizeBytes)
  const workers = startHashWorkers()
  let [comparedBytes, sentSoFar] = [0, 0]
  const tell = (sentBytes: number) => {
    sentSoFar = sentBytes
    onProgress(comparedBytes, sentSoFar)
  }
  const onCompared = (doneBytes: number) => {
    comparedBytes = doneBytes
    tell(sentSoFar)
  }
  try {
    const changes = joined(differingPages(image, ranges, { workers, signal, onCompared }))
    const { sentBytes, differingBytes } = await sendPages(changes, blob, { onProgress: (_, bytes) => tell(bytes) })
    await blob.putPages(image.sizeBytes, footer)
    return { sentBytes: sentBytes + footer.length, differingBytes }
  } finally {
    await workers.close()
  }
}

/** The disk that is made of an upload. */
export interface NewDisk {
  readonly id: string
  readonly location: string
  readonly osType: string
  readonly hyperVGeneration: string
}

/** Makes a managed disk of a stored version and what has changed since; nothing else is sent, and what is not sent is not read. */
export const uploadChange = async (
  client: Uploader,
  disk: NewDisk,
  base: string,
  change: ChangedBytes,
  watch: UploadWatch,
): Promise<Uploaded> => {
  const diskBytes = diskBytesFor(change.sizeBytes)
  const footer = fixedVhdFooter(diskBytes)
  return await withUpload(client, disk, diskBytes + footer.length, async blob => {
    const { sizeBytes: baseBytes } = await client.admin.startUploadFrom(disk.id, base)
    const requests = requestsOfChange(change, Math.min(baseBytes, diskBytes + footer.length), watch.signal)
    const { sentBytes, differingBytes } = await sendPages(requests, blob, watch)
    await blob.putPages(diskBytes, footer)
    return { sentBytes: sentBytes + footer.length, differingBytes }
  })
}

/**
 * What has new content, to the byte: what lies beside it in the same page is the base's, and not known here. And what is zeros now, and may
 * not have been: also what lies behind the end, where the base is longer.
 */
async function* requestsOfChange(
  change: ChangedBytes,
  baseBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<PageChange> {
  for await (const { kind, offset, length } of change.changes()) {
    const clearedBytes = kind === 'zero' ? Math.min(offset + length, baseBytes) - offset : 0
    if (clearedBytes > 0) yield { offset, length: clearedBytes }
    for (let done = 0; kind === 'data' && done < length; done += maxRequestBytes) {
      signal?.throwIfAborted()
      const pages = Buffer.allocUnsafe(Math.min(maxRequestBytes, length - done))
      await change.read(offset + done, pages)
      yield { offset: offset + done, length: pages.length, pages }
    }
  }
  if (change.sizeBytes < baseBytes) yield { offset: change.sizeBytes, length: baseBytes - change.sizeBytes }
}

const withUpload = async <T>(
  { arm, https, clock }: Uploader,
  disk: NewDisk,
  uploadSizeBytes: number,
  send: (blob: PageBlob) => Promise<T>,
): Promise<T> => {
  await arm.put(disk.id, {
    location: disk.location,
    properties: {
      osType: disk.osType,
      hyperVGeneration: disk.hyperVGeneration,
      creationData: { createOption: 'Upload', uploadSizeBytes },
    },
  })
  const { accessSAS } = await arm.act(`${disk.id}/beginGetAccess`, { access: 'Write', durationInSeconds: grantSeconds })
  const sent = await send(pageBlob(https, clock, accessSAS))
  await arm.act(`${disk.id}/endGetAccess`)
  return sent
}

const sendPages = async (
  changes: AsyncIterable<PageChange>,
  blob: PageBlob,
  watch: UploadWatch,
): Promise<{ sentBytes: number; differingBytes: number }> => {
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  let [sentBytes, clearedBytes] = [0, 0]
  for await (const { offset, length, pages } of changes) {
    if (underWay.size >= requestsAtOnce) await Promise.race(underWay)
    if (failures.length > 0) break
    const request = (pages ? blob.putPages(offset, pages) : blob.clearPages(offset, length))
      .catch(error => void failures.push(error))
      .finally(() => underWay.delete(request))
    underWay.add(request)
    if (pages) sentBytes += length
    else clearedBytes += length
    watch.onProgress(offset + length, sentBytes)
  }
  await Promise.all(underWay)
  if (failures.length > 0) throw failures[0]
  return { sentBytes, differingBytes: sentBytes + clearedBytes }
}

/** Runs of data that touch, read from the front to the back. */
async function* requestsOf(vhd: SparseBytes, signal?: AbortSignal): AsyncGenerator<PageChange> {
  const runs = async function* (): AsyncGenerator<PageChange> {
    // A run's own buffer is used again.
    for await (const { offset, data } of dataRuns(vhd, signal ? { signal } : {}))
      yield { offset, length: data.length, pages: Buffer.from(data) }
  }
  yield* joined(runs())
}

/** Changes of one kind that touch, joined; pages up to what one Put Page may carry. */
async function* joined(changes: AsyncIterable<PageChange>): AsyncGenerator<PageChange> {
  let open: PageChange | undefined
  let runs: Buffer[] = []
  const whole = (each: PageChange): PageChange => (each.pages ? { ...each, pages: Buffer.concat(runs) } : each)
  for await (const change of changes) {
    const { offset, length, pages } = change
    const goesOn = open && open.offset + open.length === offset && !open.pages === !pages
    if (open && goesOn && (!pages || open.length + length <= maxRequestBytes))
      open = { ...open, length: open.length + length }
    else {
      if (open) yield whole(open)
      open = change
      runs = []
    }
    if (pages) runs.push(pages)
  }
  if (open) yield whole(open)
}
