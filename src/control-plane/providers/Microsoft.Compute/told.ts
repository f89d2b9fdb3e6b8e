import { internalError } from '#arm/internal-error.ts'
import { RegionFull } from '#data-plane/replication/regions.ts'

/** A fact of the data plane as Azure would tell it; refusals tell themselves. Azure's word for a region without room is the first. */
export const told = (fault: unknown): { code: string; message: string } => {
  if (fault instanceof RegionFull) return { code: 'AllocationFailed', message: `Allocation failed. ${fault.message}` }
  return internalError(fault)
}
