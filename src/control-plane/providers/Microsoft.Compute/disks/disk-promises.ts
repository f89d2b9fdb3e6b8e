import type { Arm } from '#arm/resource-type.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { diskHold, holdPrefix } from '../disk-holds.ts'
import { diskOf, disksOf, type StoredDisk } from '../stored-disk.ts'
import { accessOf, hiddenOf } from './disk-document.ts'

const types = ['Microsoft.Compute/disks', 'Microsoft.Compute/snapshots', 'Microsoft.Compute/images'] as const

/**
 * What the regions must keep for disks, snapshots and managed images: the bytes of finished ones, and whatever is held for one
 * that is being worked on, whose document does not know it yet.
 */
export async function* diskPromises(resources: Resources, regions: Regions): AsyncGenerator<HoldPromise> {
  const busy = new Set<string>()
  for (const type of types) {
    for await (const document of eachDocument(resources, { type })) {
      yield* finished(document)
      if (isBusy(document)) busy.add(holdPrefix(document))
    }
  }
  if (busy.size === 0) return
  for (const region of regions.names)
    for await (const { name, manifest } of regions.holds(region))
      if (busy.has(name.slice(0, name.lastIndexOf('/') + 1))) yield { hold: name, region, manifest, copies: 1 }
}

function* finished(document: ResourceDocument): Generator<HoldPromise> {
  const region = document.location ?? ''
  const promise = (slot: 'disk' | 'os' | number, disk: StoredDisk): HoldPromise => ({
    hold: diskHold(document, slot, disk),
    region,
    manifest: disk.manifest,
    copies: 1,
  })
  const [disk, disks] = [diskOf(document), disksOf(document)]
  if (disk && document.provisioningState !== 'Deleting') yield promise('disk', disk)
  if (!disks || document.provisioningState === 'Deleting') return
  if (disks.os) yield promise('os', disks.os)
  for (const data of disks.data) yield promise(data.lun, data)
}

/**
 * An upload that has begun may be turned into the disk at any time, by an action that leaves the provisioning state alone; what a
 * machine wrote, likewise.
 */
const isBusy = (document: ResourceDocument): boolean =>
  ['Creating', 'Updating', 'Deleting'].includes(document.provisioningState) ||
  Boolean(hiddenOf(document).upload?.started) ||
  Boolean(hiddenOf(document).overlay)

/** Forgets the signed URLs whose time is over: they are useless already, and the disk's state goes by the clock. */
export const endExpiredAccess = async (arm: Arm): Promise<void> => {
  for (const type of types.slice(0, 2)) {
    for await (const document of eachDocument(arm.resources, { type })) {
      const { access } = hiddenOf(document)
      if (!access || accessOf(document, arm.clock.now())) continue
      await arm.resources.change(document.key, current => {
        // A new URL may have been given out meanwhile.
        const isSame = hiddenOf(current).access?.expires === access.expires
        return isSame ? { ...current, hidden: { ...current.hidden, access: null } } : undefined
      })
    }
  }
}
