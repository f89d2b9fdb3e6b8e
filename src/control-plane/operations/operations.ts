import type { Transaction } from '#foundation/database.ts'

export type OperationStatus = 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'

/** How a failed operation is told to a client: an ARM error without its HTTP status. */
export interface OperationError {
  readonly code: string
  readonly message: string
  readonly target?: string
  readonly details?: readonly OperationError[]
}

/** The durable record of a piece of work; the answer to `Azure-AsyncOperation` is made of it. */
export interface Operation {
  readonly id: string
  /** Names the definition that runs it. */
  readonly kind: string
  /** What it works on; at most one unfinished operation has a given subject. */
  readonly subject: string
  readonly input: unknown
  readonly status: OperationStatus
  /** 0 to 100. */
  readonly percentComplete: number
  readonly output?: unknown
  readonly error?: OperationError
  readonly startTime: string
  readonly endTime?: string
  /** Free text of the caller's, kept with the record: who may read it, where it is served. */
  readonly labels: Readonly<Record<string, string>>
}

/**
 * One step of an operation: runs `work`, and keeps its JSON result, so that after a crash the operation goes on behind the last
 * finished step. `work` may run again when the crash came before its result was kept, so it must be idempotent. Transient faults
 * are tried again with back-off. Names are unique within the operation.
 */
export type Step = <T>(name: string, work: () => Promise<T>) => Promise<T>

export interface Run {
  readonly operation: Operation
  readonly step: Step
  /** Aborts when the operation is cancelled or the process shuts down; a shutdown leaves it to be resumed. */
  readonly signal: AbortSignal
  /** Keeps the percentage, at most a few times a second. */
  report(percentComplete: number): void
}

/** How an operation ended; the effects on documents are saved in the same transaction as the end itself. */
export interface Conclusion {
  readonly output?: unknown
  conclude?(transaction: Transaction): Promise<void>
}

export interface OperationDefinition {
  readonly kind: string
  run(run: Run): Promise<Conclusion>
  /** What to save with the failure, and how the fault is told. */
  fail(operation: Operation, fault: unknown): Promise<Conclusion & { readonly error: OperationError }>
  /** What to save when it was cancelled. */
  cancelled(operation: Operation): Promise<Conclusion>
}

/** Another unfinished operation works on the same subject. */
export class SubjectBusy extends Error {
  override readonly name = 'SubjectBusy'
  readonly subject: string
  constructor(subject: string) {
    super(`Another operation works on ${subject}.`)
    this.subject = subject
  }
}

/** Durable work. Knows no resource and no HTTP; a record is enqueued in the caller's transaction and survives a crash. */
export interface Operations {
  /** Registers how a kind runs; call before `start`. */
  define(definition: OperationDefinition): void
  /** Saves a record within the caller's transaction; it is run once that has committed and `wake` was called. Throws `SubjectBusy`. */
  enqueue(
    transaction: Transaction,
    request: { id: string; kind: string; subject: string; input: unknown; labels: Record<string, string> },
  ): Promise<Operation>
  /** Looks for enqueued work now. */
  wake(): void
  find(id: string): Promise<Operation | undefined>
  /** The unfinished operation on a subject. */
  active(subject: string): Promise<Operation | undefined>
  /** Asks a running operation to stop; resolves when it has ended, in whatever state. */
  cancel(id: string): Promise<Operation | undefined>
  /** Resolves when the operation has ended, or, unfinished, when the engine stops. */
  settled(id: string): Promise<Operation>
  /** Resumes what a former process left unfinished and begins to run. */
  start(): Promise<void>
  /** Lets steps under way end or abort (up to `graceMs`), leaves the rest to the next start. */
  stop(graceMs: number): Promise<void>
}
