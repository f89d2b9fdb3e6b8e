import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { every } from './every.ts'

export interface WatchParts {
  readonly regions: Pick<Regions, 'names' | 'storeCount' | 'roomyStores' | 'health'>
  readonly clock: Clock
  readonly log: Log
  readonly intervalMs: number
  /** What a store that is back is owed. */
  returned(): Promise<void>
}

/**
 * Looks again and again how many stores of each region can be used, at first beside how many it has. When there are fewer, it is told why;
 * when there are more, `returned` is called.
 */
export const watchRegions = ({ regions, clock, log, intervalMs, returned }: WatchParts): { stop(): Promise<void> } => {
  const usable = new Map<string, number>()
  const isBack = async (region: string): Promise<boolean> => {
    const before = usable.get(region) ?? regions.storeCount(region)
    const now = await regions.roomyStores(region)
    usable.set(region, now)
    if (now < before) {
      const problems = (await regions.health(region)).flatMap(({ problem }) => problem ?? [])
      log.warn('A store of a region is away or full.', { region, problems })
    }
    return now > before
  }
  return every(clock, intervalMs, log, async () => {
    const back = await Promise.all(regions.names.map(async region => ((await isBack(region)) ? [region] : [])))
    if (back.flat().length === 0) return
    log.info('Regions are back.', { regions: back.flat() })
    await returned()
  })
}
