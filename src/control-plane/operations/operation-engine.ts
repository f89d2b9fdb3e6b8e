import type { Clock } from '#foundation/clock.ts'
import type { Database, Transaction } from '#foundation/database.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import { type Ending, type OperationJournal, openJournal } from './operation-journal.ts'
import {
  type Conclusion,
  type Operation,
  type OperationDefinition,
  type Operations,
  SubjectBusy,
} from './operations.ts'
import { makeStep } from './step.ts'

/** Why a run's signal aborts: a client asked for it, or the process is leaving and the next one will resume. */
const CANCELLED = Symbol('cancelled')
const STOPPING = Symbol('stopping')

const REPORT_INTERVAL_MS = 250
/** How often a waiter asks for an operation that nothing here runs. */
const SETTLE_INTERVAL_MS = 100
const KEEP_ENDED_MS = 24 * 3600 * 1000
const FORGET_INTERVAL_MS = 3600 * 1000

interface Running {
  readonly abort: AbortController
  readonly ended: Promise<void>
}

export interface EngineParts {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Faults that a step may meet again without harm: the region is busy, the disk was full for a moment. */
  isTransient(fault: unknown): boolean
}

/**
 * Runs operations in this process, from the journal:
 *
 *   enqueued --wake--> running --+--> Succeeded   (conclusion and end in one commit)
 *       ^                        +--> Failed
 *       +---- crash or stop -----+--> Canceled
 */
export const openOperations = async (parts: EngineParts): Promise<Operations> => {
  const { database, clock, log } = parts
  const journal = await openJournal(database)
  const definitions = new Map<string, OperationDefinition>()
  const running = new Map<string, Running>()
  let started = false
  let looking: Promise<void> | undefined
  let lookAgain = false
  let forgottenAtMs = Number.NEGATIVE_INFINITY

  /** What ended long ago goes when something else is to be done: only then is there more of it. */
  const forget = async () => {
    const nowMs = clock.now().getTime()
    if (nowMs - forgottenAtMs < FORGET_INTERVAL_MS) return
    forgottenAtMs = nowMs
    await journal.forget(new Date(nowMs - KEEP_ENDED_MS).toISOString())
  }

  const end = (operation: Operation, ending: Ending, conclusion: Conclusion) =>
    database.transact(async transaction => {
      await conclusion.conclude?.(transaction)
      await journal.end(transaction, operation.id, ending, clock.now().toISOString())
    })

  const runOnce = async (operation: Operation, definition: OperationDefinition, abort: AbortController) => {
    try {
      const step = await makeStep(operation, journal, { ...parts, signal: abort.signal })
      const conclusion = await definition.run({
        operation,
        step,
        signal: abort.signal,
        report: throttledReport(operation.id, journal, clock),
      })
      await end(operation, { status: 'Succeeded', output: conclusion.output }, conclusion)
    } catch (fault) {
      if (abort.signal.reason === STOPPING) return
      if (abort.signal.reason === CANCELLED)
        return end(operation, { status: 'Canceled' }, await definition.cancelled(operation))
      log.error('operation failed', { operation: operation.id, kind: operation.kind, fault })
      const failure = await definition.fail(operation, fault)
      await end(operation, { status: 'Failed', error: failure.error, output: failure.output }, failure)
    }
  }

  const run = (operation: Operation, definition: OperationDefinition, cancelRequested: boolean) => {
    const abort = new AbortController()
    if (cancelRequested) abort.abort(CANCELLED)
    const ended = runOnce(operation, definition, abort)
      .catch(fault => log.error('operation could not be ended', { operation: operation.id, fault }))
      .finally(() => running.delete(operation.id))
    running.set(operation.id, { abort, ended })
  }

  const look = async () => {
    await forget().catch(fault => log.error('operations that ended could not be forgotten', { fault }))
    do {
      lookAgain = false
      for (const { operation, cancelRequested } of await journal.unfinished()) {
        if (!started || running.has(operation.id)) continue
        const definition = definitions.get(operation.kind)
        // A later version's work, in a folder that an older one opened: it waits, the others go on.
        if (definition) run(operation, definition, cancelRequested)
        else log.error('nothing runs operations of this kind', { operation: operation.id, kind: operation.kind })
      }
    } while (lookAgain)
  }

  const wake = () => {
    if (!started) return
    lookAgain = true
    looking ??= look()
      .catch(fault => log.error('the journal could not be read', { fault }))
      .finally(() => {
        looking = undefined
        if (lookAgain) wake()
      })
  }

  const find = async (id: string) => {
    const operation = await journal.find(id)
    invariant(operation, `There is no operation ${id}.`)
    return operation
  }

  const settled = async (id: string): Promise<Operation> => {
    for (;;) {
      await running.get(id)?.ended
      const operation = await find(id)
      if (operation.status !== 'InProgress' || !started) return operation
      wake()
      await (running.get(id)?.ended ?? looking ?? clock.sleep(SETTLE_INTERVAL_MS))
    }
  }

  return {
    define: definition => void definitions.set(definition.kind, definition),
    enqueue: (transaction, request) => enqueue(journal, transaction, clock, request),
    wake,
    find: id => journal.find(id),
    active: subject => journal.active(subject),
    settled,
    async cancel(id) {
      if (!(await journal.find(id))) return undefined
      await journal.requestCancel(id)
      running.get(id)?.abort.abort(CANCELLED)
      return settled(id)
    },
    async start() {
      started = true
      wake()
    },
    async stop(graceMs) {
      started = false
      await looking
      const ended = Promise.all([...running.values()].map(run => run.ended))
      for (const { abort } of running.values()) abort.abort(STOPPING)
      const over = new AbortController()
      await Promise.race([ended, clock.sleep(graceMs, over.signal)])
      over.abort() // a timer left behind would keep the process alive
    },
  }
}

const enqueue = async (
  journal: OperationJournal,
  transaction: Transaction,
  clock: Clock,
  request: { id: string; kind: string; subject: string; input: unknown; labels: Record<string, string> },
): Promise<Operation> => {
  const operation: Operation = {
    ...request,
    status: 'InProgress',
    percentComplete: 0,
    startTime: clock.now().toISOString(),
  }
  if (!(await journal.insert(transaction, operation))) throw new SubjectBusy(request.subject)
  return operation
}

/** Keeps a percentage when it grew and the last one is old enough; the end of the operation writes 100 in any case. */
const throttledReport = (id: string, journal: OperationJournal, clock: Clock) => {
  let keptPercent = 0
  let keptAtMs = 0
  return (percentComplete: number) => {
    const percent = Math.min(99, Math.floor(percentComplete))
    const nowMs = clock.now().getTime()
    if (percent <= keptPercent || nowMs - keptAtMs < REPORT_INTERVAL_MS) return
    keptPercent = percent
    keptAtMs = nowMs
    void journal.report(id, percent).catch(() => undefined) // a lost percentage harms nobody
  }
}
