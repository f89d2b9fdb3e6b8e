import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { type DiskOrigin, growDisk, takeDisk } from '../disk-origin.ts'
import { grownSize } from '../disk-size.ts'
import { diskOf, holdName } from '../stored-disk.ts'
import { asHidden } from './disk-document.ts'
import { requireFit, sizeOutcome } from './plan-disk.ts'

interface Input {
  readonly origin: DiskOrigin
  readonly sizeGB?: number
}

/** Names under which a disk's bytes are held while it is worked on, beside that of the finished disk. */
export const passingHold = (document: ResourceDocument, work: 'taken' | 'grown' | 'upload'): string =>
  `${document.key}@${document.uid}/${work}`

/**
 * Gives a disk or snapshot its bytes, at its creation or when it grows. The bytes are held under passing names until the disk's
 * own hold is made, so that neither a crash nor a collection in between loses what a finished step counts on.
 */
export const makeDisk = (parts: ComputeParts): ResourceOperation => ({
  kind: 'make disk',
  async run({ document, input, step, signal, report }) {
    const { regions } = parts
    const { origin, sizeGB } = input as unknown as Input
    const region = document.location ?? ''
    const onProgress = (done: number, total: number) => report(total === 0 ? 0 : (done / total) * 95)
    const taken = await step('take the bytes', async () => {
      const place = { region, hold: passingHold(document, 'taken'), diskName: document.name }
      const disk = await takeDisk(origin, place, parts, { signal, onProgress })
      // Only now is it known how large a fetched VHD is.
      if (grownSize(sizeGB, disk.sizeBytes) === undefined) await regions.release(region, place.hold)
      return disk
    })
    const sizeBytes = requireFit(sizeGB, taken.sizeBytes)
    const sized = await step('grow', async () => {
      if (sizeBytes === taken.sizeBytes) return taken
      return await growDisk(taken, sizeBytes, { region, hold: passingHold(document, 'grown') }, regions)
    })
    await step('hold', () => regions.hold(region, sized.manifest, holdName(document, 'disk'), 1, { signal }))
    await step('let go', async () => {
      await regions.release(region, passingHold(document, 'taken'))
      await regions.release(region, passingHold(document, 'grown'))
    })
    return { properties: sizeOutcome(document, sizeBytes), hidden: asHidden({ disk: sized }) }
  },
  // A disk that could not grow is as large as it was.
  failed(_fault, document) {
    const disk = diskOf(document)
    return disk ? { properties: sizeOutcome(document, disk.sizeBytes) } : {}
  },
})
