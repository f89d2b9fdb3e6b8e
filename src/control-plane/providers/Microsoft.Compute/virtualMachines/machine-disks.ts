import type { Arm } from '#arm/resource-type.ts'
import type { MachineDisk } from '#data-plane/machines/machines.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { invariant } from '#foundation/invariant.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { hiddenOf } from '../disks/disk-document.ts'
import { diskOf } from '../stored-disk.ts'
import { disksOfMachine } from './machine-document.ts'

/** The disk resources of a machine, its OS disk first. Those that are not there, or another machine's by now, are left out. */
export const diskDocuments = async (
  machine: ResourceDocument,
  { resources }: Pick<Arm, 'resources'>,
): Promise<readonly ResourceDocument[]> => {
  const found: ResourceDocument[] = []
  for (const { managedDisk } of disksOfMachine(machine)) {
    const disk = await resources.find(managedDisk?.id?.toLowerCase() ?? '')
    if (disk && hiddenOf(disk).attachment?.machine === machine.id) found.push(disk)
  }
  return found
}

/** A disk resource as a host sees it: what it holds, by the name of its bytes. */
export const hostDisk = (disk: ResourceDocument, regions: Pick<Regions, 'open'>): MachineDisk => {
  const stored = diskOf(disk)
  invariant(stored, `Disk ${disk.id} has no bytes.`)
  const { manifest, sizeBytes } = stored
  return {
    id: disk.uid,
    lun: hiddenOf(disk).attachment?.lun,
    sizeBytes,
    base: { id: manifest, open: () => regions.open(disk.location ?? '', manifest) },
  }
}
