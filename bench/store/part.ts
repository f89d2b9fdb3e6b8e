import type { Row, Tools } from '../measure.ts'
import type { Peaks } from './our-step.ts'
import type { Peers } from './peers.ts'

/** A part of the table that can be asked for alone. */
export type Part = (given: Given) => Promise<Row[]>

export interface Given {
  readonly tools: Tools
  readonly peers: Peers
  readonly peaks: Peaks
  /** How often a figure of which the median is taken is measured. */
  readonly runs: number
}

/** A row beside a number that may not be exceeded, whatever the machine. */
export const limitRow = (metric: string, unit: string, ours: number, limit: number, aim?: number): Row => ({
  metric,
  unit,
  ours,
  beside: limit,
  name: 'the limit',
  must: 1,
  ...(aim !== undefined && { aim: aim / limit }),
})
