import { type ArmClient, ArmRefused } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import { LeftBehind } from '../failure.ts'
import { type DefinitionPlace, groupId } from './image-ids.ts'

/** Works with a managed disk under a name that only this run knows, and removes it, whatever became of the work. Says so where that fails. */
export const withTemporaryDisk = async <T>(
  { arm, clock }: Pick<Client, 'arm' | 'clock'>,
  place: DefinitionPlace,
  version: string,
  work: (diskId: string) => Promise<T>,
): Promise<T> => {
  const run = `${clock.now().getTime().toString(36)}-${process.pid}`
  const name = `opengallery-${place.definition.slice(0, 30)}-${version}-${run}`
  const disk = `${groupId(place)}/providers/Microsoft.Compute/disks/${name}`
  try {
    const result = await work(disk)
    await removeDisk(arm, disk)
    return result
  } catch (error) {
    const isRemoved = await removeDisk(arm, disk).then(
      () => true,
      () => false, // why the work failed matters more
    )
    throw isRemoved ? error : new LeftBehind(error, `Its disk may be left behind: az disk delete --yes --ids ${disk}`)
  }
}

/** A disk can't be deleted while a signed URL of it is good. Taking that back fails for a half-done upload, but it is taken back. */
const removeDisk = async (arm: ArmClient, disk: string): Promise<void> => {
  if (!(await arm.find(disk))) return
  await arm.act(`${disk}/endGetAccess`).catch(error => {
    if (!(error instanceof ArmRefused)) throw error
  })
  await arm.remove(disk)
}
