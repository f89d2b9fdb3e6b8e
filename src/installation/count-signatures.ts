import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import {
  checkVersion,
  type SigningParts,
} from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { allVersions } from '#providers/Microsoft.Compute/galleries/images/versions/promises.ts'
import { imageVersionType } from '#providers/Microsoft.Compute/galleries/images/versions/version-properties.ts'
import { disksOf } from '#providers/Microsoft.Compute/stored-disk.ts'
import type { Json } from '#resources/resource-document.ts'

const SHOWN = 100

/** How many of the versions that have bytes are signed, and of those that are not, or not rightly, the ids that the caller may know. */
export const countSignatures = async (
  caller: Caller,
  { arm, signing }: { arm: Arm; signing: SigningParts },
): Promise<Json> => {
  const known = async (ids: readonly string[]): Promise<string[]> => {
    const shown: string[] = []
    for (const id of ids) {
      const parsed = shown.length < SHOWN ? ResourceId.parse(id) : undefined
      if (parsed && (await arm.mayDo(caller, `${imageVersionType}/read`, parsed))) shown.push(id)
    }
    return shown
  }
  const ids = { signed: 0, unsigned: [] as string[], broken: [] as string[] }
  for await (const version of allVersions(arm.resources)) {
    if (!disksOf(version)) continue
    const { state } = checkVersion(version, signing)
    if (state === 'signed') ids.signed++
    else ids[state].push(version.id)
  }
  return {
    signed: ids.signed,
    unsigned: ids.unsigned.length,
    broken: ids.broken.length,
    unsignedIds: await known(ids.unsigned),
    brokenIds: await known(ids.broken),
  }
}
