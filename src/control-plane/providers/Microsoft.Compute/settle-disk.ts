import type { Step } from '#operations/operations.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { diskHold, passingHold } from './disk-holds.ts'
import { type DiskOrigin, growDisk, type TakeParts, takeDisk } from './disk-origin.ts'
import { grownSize, sizeInGB } from './disk-size.ts'
import { diskError } from './disks/disk-errors.ts'
import type { StoredDisk } from './stored-disk.ts'

/** What becomes one disk of a resource; kept with its operation. */
export interface DiskJob {
  readonly slot: 'disk' | 'os' | number
  readonly origin: DiskOrigin
  /** The size that was asked for; absent: that of the origin. */
  readonly sizeGB?: number | undefined
  /** Names this run of work. */
  readonly pass: string
}

/** A job as an operation's input; `pass` has never been used before. */
export const asInput = (job: Omit<DiskJob, 'pass'>, pass: string): JsonObject =>
  ({ ...job, pass }) as unknown as JsonObject

/** The size of a disk that is made of so many bytes; throws when the wish is smaller than they are. */
export const requireFit = (sizeGB: number | undefined, sourceBytes: number): number => {
  const sizeBytes = grownSize(sizeGB, sourceBytes)
  if (sizeBytes === undefined) throw diskError.smallerThanSource(sizeGB ?? 0, sizeInGB(sourceBytes))
  return sizeBytes
}

/**
 * Gives a resource one of its disks: takes the bytes, grows them, holds them. Between the steps the bytes are held under passing
 * names, so that neither a crash nor a collection loses what a finished step counts on.
 */
export const settleDisk = async (
  document: ResourceDocument,
  { slot, origin, sizeGB, pass }: DiskJob,
  parts: TakeParts,
  { step, signal, report }: { step: Step; signal: AbortSignal; report(share: number): void },
): Promise<StoredDisk> => {
  const { regions } = parts
  const region = document.location ?? ''
  const onProgress = (done: number, total: number) => report(total === 0 ? 0 : done / total)
  const place = (work: 'taken' | 'grown') => ({
    region,
    hold: passingHold(document, work, `${slot}-${pass}`),
    diskName: document.name,
  })
  const taken = await step(`take ${slot}`, async () => {
    const disk = await takeDisk(origin, place('taken'), parts, { signal, onProgress })
    // Only now is it known how large a fetched VHD is.
    if (grownSize(sizeGB, disk.sizeBytes) === undefined) await regions.release(region, place('taken').hold)
    return disk
  })
  const sizeBytes = requireFit(sizeGB, taken.sizeBytes)
  const disk = await step(`grow ${slot}`, async () =>
    sizeBytes === taken.sizeBytes ? taken : await growDisk(taken, sizeBytes, place('grown'), regions),
  )
  await step(`hold ${slot}`, async () => {
    await regions.hold(region, disk.manifest, diskHold(document, slot, disk), 1, { signal })
  })
  await step(`let go of ${slot}`, async () => {
    for (const work of ['taken', 'grown'] as const) await regions.release(region, place(work).hold)
  })
  return disk
}
