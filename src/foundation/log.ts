export type Fields = Record<string, unknown>

/** Structured log. Never hand it a secret, a token or a signed URL: nothing is redacted here. */
export interface Log {
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
}

const withError = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? errorFields(value) : value]),
  )

const MOST_CAUSES = 8

/** An error and what caused it, outermost first. Only so many: a circle of causes has no end. */
export const causesOf = (error: unknown): Error[] => {
  const causes: Error[] = []
  for (let at = error; at instanceof Error && causes.length < MOST_CAUSES; at = at.cause) causes.push(at)
  return causes
}

const errorFields = (error: Error): Fields | undefined =>
  causesOf(error).reduceRight<Fields | undefined>(
    (cause, { name, message, stack }) => ({ name, message, stack, ...(cause && { cause }) }),
    undefined,
  )

/** One JSON object per line. */
export const lineLog = (write: (line: string) => void, now: () => Date): Log => {
  const line =
    (level: string) =>
    (message: string, fields: Fields = {}) =>
      write(`${JSON.stringify({ time: now().toISOString(), level, message, ...withError(fields) })}\n`)
  return { info: line('info'), warn: line('warn'), error: line('error') }
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} }
