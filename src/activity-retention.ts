import type { ActivityLog } from '#activity/activity-log.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { every } from './every.ts'

const DAY_MS = 24 * 3600 * 1000

interface RetentionParts {
  readonly clock: Clock
  readonly log: Log
  readonly activityRetentionDays: number
}

/**
 * Once a day, and at the start, the activity log gives up what is older than it is to be, and its end is told to the server's own
 * log: whoever keeps that elsewhere can prove later that nothing was cut off or written anew before it.
 */
export const startActivityRetention = (
  activityLog: ActivityLog,
  { clock, log, activityRetentionDays }: RetentionParts,
): { stop(): Promise<void> } => {
  const round = async () => {
    const forgotten = await activityLog.forget(new Date(clock.now().getTime() - activityRetentionDays * DAY_MS))
    const { sequence, hash } = await activityLog.head()
    log.info('the activity log ends here', { sequence, hash, ...(forgotten > 0 ? { forgotten } : {}) })
  }
  const first = round().catch(error => log.error('the activity log could not be tidied', { error }))
  const rounds = every(clock, DAY_MS, log, round)
  return {
    async stop() {
      await rounds.stop()
      await first
    },
  }
}
