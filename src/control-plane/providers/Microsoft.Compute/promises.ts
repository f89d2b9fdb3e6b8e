import type { Arm } from '#arm/resource-type.ts'
import type { Blobs } from '#data-plane/blobs/blobs.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Resources } from '#resources/resources.ts'

/** Every hold that a compute resource stands on. */
export async function* computePromises(_resources: Resources, _regions: Regions): AsyncGenerator<HoldPromise> {}

/** Ends what is over by the clock. */
export const retireCompute = async (_arm: Arm, _regions: Regions, _blobs: Blobs): Promise<void> => {}
