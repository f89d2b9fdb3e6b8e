import type { OperationError } from '#operations/operations.ts'

/**
 * A fault that has no word of Azure's, as a caller is told it. Of what the system refused only the reason: where a server keeps its files,
 * and whom it calls, is not for everybody who may use it.
 */
export const internalError = (fault: unknown): OperationError => {
  const { syscall, code, message } = (
    fault instanceof Error ? fault : { message: String(fault) }
  ) as NodeJS.ErrnoException
  const reason = /^E[A-Z0-9]+: [^,]*(?=,)/.exec(message)?.[0] ?? code ?? 'The system refused it.'
  return { code: 'InternalExecutionError', message: syscall === undefined ? message : reason }
}
