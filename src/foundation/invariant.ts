/** A bug in this program, never the caller's or the world's fault: answered as 500 with a request id. */
export class InvariantViolated extends Error {
  override readonly name = 'InvariantViolated'
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantViolated(message)
}
