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

/** Work has failed, and something that it had made could not be removed again. */
export class LeftBehind extends Failure {
  /** What is left, and what to do about it. */
  readonly left: string
  constructor(failed: unknown, left: string) {
    const { message, advice } = failed as Failure
    super(message, { advice: advice === undefined ? left : `${advice} ${left}`, cause: failed })
    this.left = left
  }
}

/** The command line itself is wrong: exit code 2. */
export const usageError = (message: string, advice?: string): Failure =>
  new Failure(message, { exitCode: 2, ...(advice !== undefined && { advice }) })
