import { dataRuns } from '#data-plane/disks/data-runs.ts'
import { asFixedVhd } from '#data-plane/disks/fixed-vhd.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { Client } from '../client/open-client.ts'
import { digestingBytes } from './digesting-bytes.ts'
import { paddedToDisk } from './padded-to-disk.ts'
import { type PageBlob, pageBlob } from './page-blob.ts'

const grantSeconds = 24 * 3600
const requestsAtOnce = 6
const maxRequestBytes = 4 * 2 ** 20

export interface Uploaded {
  /** What travelled: pages that are not all zeros. */
  readonly sentBytes: number
  /** Of the image without its padding, as `sha256sum` gives it for the raw file. */
  readonly sha256: string
}

export interface UploadWatch {
  /** How far the reader has come, and how much of that had to travel. */
  onProgress(doneBytes: number, sentBytes: number): void
  readonly signal?: AbortSignal
}

/**
 * Makes a managed disk of the image: an empty one that takes an upload, the pages that hold data as a fixed VHD through its
 * signed URL, and the end of the upload.
 */
export const uploadDisk = async (
  { arm, https, clock }: Pick<Client, 'arm' | 'https' | 'clock'>,
  disk: { id: string; location: string; osType: string; hyperVGeneration: string },
  image: SparseBytes,
  watch: UploadWatch,
): Promise<Uploaded> => {
  const digesting = digestingBytes(image)
  const vhd = asFixedVhd(paddedToDisk(digesting))
  await arm.put(disk.id, {
    location: disk.location,
    properties: {
      osType: disk.osType,
      hyperVGeneration: disk.hyperVGeneration,
      creationData: { createOption: 'Upload', uploadSizeBytes: vhd.sizeBytes },
    },
  })
  const { accessSAS } = await arm.act(`${disk.id}/beginGetAccess`, { access: 'Write', durationInSeconds: grantSeconds })
  const sentBytes = await sendPages(vhd, pageBlob(https, clock, accessSAS), watch)
  await arm.act(`${disk.id}/endGetAccess`)
  return { sentBytes, sha256: digesting.sha256() }
}

const sendPages = async (vhd: SparseBytes, blob: PageBlob, watch: UploadWatch): Promise<number> => {
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  let sentBytes = 0
  for await (const { offset, pages } of requestsOf(vhd, watch.signal)) {
    if (underWay.size >= requestsAtOnce) await Promise.race(underWay)
    if (failures.length > 0) break
    const request = blob
      .putPages(offset, pages)
      .catch(error => void failures.push(error))
      .finally(() => underWay.delete(request))
    underWay.add(request)
    sentBytes += pages.length
    watch.onProgress(offset + pages.length, sentBytes)
  }
  await Promise.all(underWay)
  if (failures.length > 0) throw failures[0]
  return sentBytes
}

/** Runs of data that touch, joined up to what one Put Page may carry, and copied: a run's own buffer is used again. */
async function* requestsOf(vhd: SparseBytes, signal?: AbortSignal): AsyncGenerator<{ offset: number; pages: Buffer }> {
  let runs: Buffer[] = []
  let offset = 0
  let length = 0
  for await (const run of dataRuns(vhd, signal ? { signal } : {})) {
    if (length > 0 && (run.offset !== offset + length || length + run.data.length > maxRequestBytes)) {
      yield { offset, pages: Buffer.concat(runs) }
      length = 0
    }
    if (length === 0) {
      offset = run.offset
      runs = []
    }
    runs.push(Buffer.from(run.data))
    length += run.data.length
  }
  if (length > 0) yield { offset, pages: Buffer.concat(runs) }
}
