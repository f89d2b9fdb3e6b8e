import type { Arm } from '#arm/resource-type.ts'
import { eachDocument } from '#resources/list-all.ts'
import { machineOf, machineType } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { findVmSize, type VmSize } from './vm-sizes.ts'

/** What a subscription's machines have in one region: in all, and by family of sizes. */
export interface CoresInUse {
  readonly machines: number
  readonly cores: number
  readonly byFamily: ReadonlyMap<string, number>
}

/** Deallocated machines count too, as in Azure: their cores are promised to them. `without` is left out. */
export const coresInUse = async (
  { resources }: Pick<Arm, 'resources'>,
  subscriptionId: string,
  location: string,
  without?: string,
): Promise<CoresInUse> => {
  const byFamily = new Map<string, number>()
  let machines = 0
  let cores = 0
  for await (const machine of eachDocument(resources, { type: machineType, subscriptionId })) {
    const size = findVmSize(machineOf(machine).hardwareProfile?.vmSize ?? '')
    if (machine.location !== location || machine.key === without || !size) continue
    machines++
    cores += size.cores
    byFamily.set(size.family, (byFamily.get(size.family) ?? 0) + size.cores)
  }
  return { machines, cores, byFamily }
}

/** Throws when one more machine of that size is too much for the region, or for the family of its size there. */
export const requireQuota = async (
  arm: Pick<Arm, 'resources'>,
  { subscriptionId, location, key }: { subscriptionId: string; location: string; key: string },
  size: VmSize,
  limit: number,
): Promise<void> => {
  const { cores, byFamily } = await coresInUse(arm, subscriptionId, location, key)
  for (const [quota, usage] of [
    ['Total Regional', cores],
    [size.family, byFamily.get(size.family) ?? 0],
  ] as const)
    if (usage + size.cores > limit) throw machineError.quotaExceeded(quota, location, limit, usage, size.cores)
}
