import type { Arm } from '#arm/resource-type.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'
import type { Resources } from '#resources/resources.ts'
import { diskPromises, endExpiredAccess } from './disks/disk-promises.ts'
import { catchUp } from './galleries/images/versions/catch-up.ts'
import { versionPromises } from './galleries/images/versions/promises.ts'
import { retireExpired } from './galleries/softDeletedArtifactTypes/artifacts/versions/retire-expired.ts'

/** Whether a hold is a compute resource's: those are named by resource ids. */
export const isComputeHold = (hold: string): boolean => /^\/subscriptions\/.*\/microsoft\.compute\/.*@/.test(hold)

/** Every hold that a compute resource stands on, or is about to stand on. */
export async function* computePromises(resources: Resources, regions: Regions): AsyncGenerator<HoldPromise> {
  yield* diskPromises(resources, regions)
  yield* versionPromises(resources, regions)
}

/** Ends what is over by the clock: soft-deleted versions, signed URLs of disks. */
export const retireCompute = async (arm: Arm, regions: Regions, log: Log): Promise<void> => {
  await endExpiredAccess(arm)
  await retireExpired(arm, regions, log)
}

/** Takes up what failed for no other reason than that regions were away. */
export const catchUpCompute = (arm: Arm, regions: Regions, log: Log): Promise<void> => catchUp(arm, regions, log)
