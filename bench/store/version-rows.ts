import type { Row } from '../measure.ts'
import { ourName } from './ours.ts'
import type { Peers } from './peers.ts'
import type { Standings } from './standings.ts'

export const limitNames = {
  zstd: 'zstd -1 on all cores',
  copy: 'cp --sparse=always',
  sha256: 'SHA-256 on all cores',
} as const

/** What a machine has changed of a stored version, where the peers must look at the whole disk. */
export const captureEvent = 'capture v2s'
export const firstCaptureEvent = 'first capture'

/** `verify` proves that what is stored is what was written; this one that it also decodes to what its ids promise. */
export const deepEvent = 'verify deep'

interface Goal {
  readonly metric: string
  readonly event: string
  /** The event of ours that is compared, if it is another one. */
  readonly ours?: string
  readonly unit: 's' | 'MiB'
  /** Programs of which the best counts, whatever its settings, or what the machine can do. */
  readonly beside: readonly string[] | (typeof limitNames)[keyof typeof limitNames]
  readonly must?: number
  readonly aim?: number
}

const all = ['casync', 'restic', 'borg', 'desync']
const publish = { event: 'publish v1', unit: 's' } as const
const restore = { event: 'restore', unit: 's' } as const
const verify = { event: 'verify', unit: 's' } as const

const goals: readonly Goal[] = [
  { metric: 'publish-v1', ...publish, beside: ['casync', 'restic', 'borg'], must: 1 / 1.6 },
  { metric: 'publish-v1-beside-desync', ...publish, beside: ['desync'], must: 1 },
  { metric: 'publish-v1-beside-zstd', ...publish, beside: limitNames.zstd, must: 1.4, aim: 1.15 },
  { metric: 'publish-v2s', event: 'publish v2s', unit: 's', beside: all, must: 1 / 2, aim: 1 / 3 },
  {
    metric: 'capture-v2s',
    event: 'publish v2s',
    ours: captureEvent,
    unit: 's',
    beside: all,
    must: 1 / 10,
    aim: 1 / 30,
  },
  { metric: 'capture-v2s-first', event: 'publish v2s', ours: firstCaptureEvent, unit: 's', beside: all, aim: 1 / 10 },
  { metric: 'added-by-v2s', event: 'added v2s', unit: 'MiB', beside: all, must: 1, aim: 0.8 },
  { metric: 'stored-in-all', event: 'stored', unit: 'MiB', beside: all, must: 1, aim: 0.8 },
  { metric: 'restore-v2', ...restore, beside: all, must: 1 / 1.5 },
  { metric: 'restore-v2-beside-cp', ...restore, beside: limitNames.copy, aim: 2 },
  { metric: 'verify', ...verify, beside: all, must: 1 / 3 },
  { metric: 'verify-deep', ...verify, ours: deepEvent, beside: all, aim: 1 / 3 },
  { metric: 'verify-deep-beside-sha256', ...verify, ours: deepEvent, beside: limitNames.sha256, aim: 1 },
]

/** What was promised of the four versions, beside those that took part. */
export const versionRows = ({ present, absent }: Peers, standings: Standings): Row[] =>
  goals.map(({ metric, event, ours = event, unit, beside, ...goal }) => {
    const names =
      typeof beside === 'string'
        ? [beside]
        : present.filter(({ program }) => beside.includes(program)).map(({ name }) => name)
    const best = standings.best(event, names)
    if (!best) return { metric, why: notCompared(typeof beside === 'string' ? [beside] : beside, absent) }
    return { metric, unit, ours: standings.of(ours, ourName), beside: best.value, name: best.name, ...goal }
  })

const notCompared = (programs: readonly string[], absent: readonly string[]): string => {
  const are = programs.length > 1 ? 'are' : 'is'
  const why = programs.every(program => absent.includes(program)) ? 'not installed' : 'not asked for'
  return `${programs.join(', ')} ${are} ${why}: not compared`
}
