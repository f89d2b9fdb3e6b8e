import type { Arm } from '#arm/resource-type.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { MachineHosting } from '#providers/Microsoft.Compute/machine-hosting.ts'
import { reconcileMachines, removeOrphans } from '#providers/Microsoft.Compute/virtualMachines/reconcile-machines.ts'

export interface MachineUpkeepParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly hosting: MachineHosting
  readonly clock: Clock
  readonly log: Log
  /** How often machines are looked at when nothing tells of a change, in ms. */
  readonly intervalMs: number
}

export interface MachineUpkeep {
  /** A document was written: if it is of a network, machines take it over soon. */
  written(key: string): void
  stop(): Promise<void>
}

/** What is written together is looked at together, once it is committed. */
const SOON_MS = 300

/** Keeps the host's machines as their documents say: at the start, soon after a network has changed, and now and then. */
export const startMachineUpkeep = (parts: MachineUpkeepParts): MachineUpkeep => {
  const { arm, clock, log, intervalMs } = parts
  const stopping = new AbortController()
  let wake = Promise.withResolvers<void>()

  const round = async () => {
    await reconcileMachines(parts, arm, log).catch(error => log.error('machines could not be looked at', { error }))
    await removeOrphans(parts, arm, log).catch(error => log.error('orphans could not be removed', { error }))
  }
  const running = (async () => {
    while (!stopping.signal.aborted) {
      wake = Promise.withResolvers<void>()
      await round()
      const waiting = new AbortController()
      await Promise.race([wake.promise, clock.sleep(intervalMs, AbortSignal.any([stopping.signal, waiting.signal]))])
      waiting.abort()
      await clock.sleep(SOON_MS, stopping.signal)
    }
  })()
  return {
    written(key) {
      if (key.includes('/microsoft.network/')) wake.resolve()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
