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

const MOST_CAUSES = 4

const errorFields = ({ name, message, stack, cause }: Error, depth = 0): Fields => ({
  name,
  message,
  stack,
  ...(cause instanceof Error && depth < MOST_CAUSES ? { cause: errorFields(cause, depth + 1) } : {}),
})

/** One JSON object per line. */
export const lineLog = (write: (line: string) => void, now: () => Date): Log => {
  const line =
    (level: string) =>
    (message: string, fields: Fields = {}) =>
      write(`${JSON.stringify({ time: now().toISOString(), level, message, ...withError(fields) })}\n`)
  return { info: line('info'), warn: line('warn'), error: line('error') }
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} }
