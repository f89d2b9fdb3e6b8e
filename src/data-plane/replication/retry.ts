import type { Clock } from '#foundation/clock.ts'
import { systemCode } from './store-slot.ts'

const passing = new Set([
  ...['EAGAIN', 'EBUSY', 'EINTR', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETIMEDOUT'],
  ...['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'EAI_AGAIN'],
])

/** Whether the same call may well succeed a moment later. */
export const isTransient = (error: unknown): boolean => passing.has(systemCode(error) ?? '')

const attempts = 5
const firstDelayMs = 100

/** Runs repeatable work again, after growing pauses, while it fails for a reason that passes. */
export const retry = async <T>(clock: Clock, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !isTransient(error)) throw error
      await clock.sleep(firstDelayMs * 2 ** (attempt - 1), signal)
    }
  }
}
