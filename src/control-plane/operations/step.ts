import type { Clock } from '#foundation/clock.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import type { OperationJournal } from './operation-journal.ts'
import type { Operation, Step } from './operations.ts'

const ATTEMPTS = 5
const FIRST_DELAY_MS = 200

interface StepParts {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  isTransient(fault: unknown): boolean
}

/** The `step` function of one run: finished steps give their kept result, others run and are tried again on transient faults. */
export const makeStep = async (operation: Operation, journal: OperationJournal, parts: StepParts): Promise<Step> => {
  const finished = await journal.steps(operation.id)
  const names = new Set<string>()
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    invariant(!names.has(name), `Operation ${operation.kind} has two steps named '${name}'.`)
    names.add(name)
    if (finished.has(name)) return finished.get(name) as T
    const output = await retried(name, work, parts)
    await journal.keepStep(operation.id, name, output)
    return output
  }
}

const retried = async <T>(name: string, work: () => Promise<T>, parts: StepParts): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    parts.signal.throwIfAborted()
    try {
      return await work()
    } catch (fault) {
      if (attempt === ATTEMPTS || parts.signal.aborted || !parts.isTransient(fault)) throw fault
      parts.log.warn('step is tried again', { step: name, attempt, fault })
      await parts.clock.sleep(FIRST_DELAY_MS * 2 ** (attempt - 1), parts.signal)
    }
  }
}
