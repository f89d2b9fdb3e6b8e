import { RegionUnreachable } from '#data-plane/replication/regions.ts'
import { DocumentChanged } from '#resources/resources.ts'

const CODES = new Set([
  'EIO',
  'EBUSY',
  'EAGAIN',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
])

/** Whether a step may well succeed when it is tried again: the one place that says so. */
export const isTransient = (fault: unknown): boolean =>
  fault instanceof RegionUnreachable ||
  fault instanceof DocumentChanged ||
  CODES.has((fault as NodeJS.ErrnoException | undefined)?.code ?? '')
