import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import type { HostLimits } from './admission.ts'
import type { AnswerMetadata } from './machines.ts'
import type { Unprivileged } from './supervise.ts'

/** What machines are made of: `openMachines`. */
export interface MachineParts {
  /** Of machines alone; it is QEMU's working directory. */
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metadata: AnswerMetadata
  readonly limits: HostLimits
  /** Guests reach whatever the host reaches, from their next start on; without it they reach nothing outward. */
  readonly outwardNetwork?: boolean
  /** Whom QEMU runs as. If we are root and nobody is named, a user that owns nothing else; if we are not, ourselves. */
  readonly user?: Unprivileged
}
