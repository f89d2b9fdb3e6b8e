/** What went wrong, told to the person at the keyboard: a sentence, and what to do about it. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly advice: string | undefined
  readonly exitCode: 1 | 2
  constructor(message: string, more: { advice?: string; exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.advice = more.advice
    this.exitCode = more.exitCode ?? 1
  }
}

/** Work has failed, and something that it had begun is still there. */
export class LeftBehind extends Failure {
  /** What is left, and what to do about it. */
  readonly left: string
  constructor(failed: unknown, left: string) {
    const { message, advice } = failed as Failure
    const both = (before: string | undefined) => (before === undefined ? left : `${before} ${left}`)
    super(message, { advice: both(advice), cause: failed })
    this.left = both(failed instanceof LeftBehind ? failed.left : undefined)
  }
}

/** The command line itself is wrong: exit code 2. */
export const usageError = (message: string, advice?: string): Failure =>
  new Failure(message, { exitCode: 2, ...(advice !== undefined && { advice }) })
