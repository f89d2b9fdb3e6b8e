import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold } from '../disk-holds.ts'
import { type DiskJob, settleDisk } from '../settle-disk.ts'
import { diskOf } from '../stored-disk.ts'
import { told } from '../told.ts'
import { asHidden } from './disk-document.ts'
import { sizeOutcome } from './plan-disk.ts'

/** Gives a disk or snapshot its bytes, at its creation or when it grows. */
export const makeDisk = (parts: ComputeParts): ResourceOperation => ({
  kind: 'make disk',
  async run({ document, input, step, signal, report }, { resources }) {
    const job = input as unknown as DiskJob
    const disk = await settleDisk(
      document,
      job,
      { ...parts, resources },
      { step, signal, report: share => report(share * 95) },
    )
    const old = diskOf(document)
    await step('let go of the smaller disk', async () => {
      if (old && old.manifest !== disk.manifest)
        await parts.regions.release(document.location ?? '', diskHold(document, 'disk', old))
    })
    return { properties: sizeOutcome(document, disk.sizeBytes), hidden: asHidden({ disk }) }
  },
  explain: told,
  // A disk that could not grow is as large as it was.
  failed(_fault, document) {
    const disk = diskOf(document)
    return disk ? { properties: sizeOutcome(document, disk.sizeBytes) } : {}
  },
})
