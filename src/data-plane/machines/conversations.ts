import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import type { Random } from '#foundation/random.ts'
import { GuestAgent } from './guest-agent.ts'
import type { Guests } from './guests.ts'
import { LineSilent } from './json-lines.ts'
import { AgentSilent } from './machines.ts'
import { hasAgent } from './power.ts'
import { Qmp } from './qmp.ts'
import { Turns } from './turns.ts'

/** Talks to the processes of machines and to the agents in their guests, each of which listens to one at a time. */
export class Conversations {
  readonly #guests: Guests
  readonly #clock: Clock
  readonly #random: Random
  readonly #turns = new Turns()

  constructor(guests: Guests, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#guests = guests
    this.#clock = clock
    this.#random = random
  }

  qmp<T>(id: string, work: (qmp: Qmp) => Promise<T>): Promise<T> {
    return this.#turns.take(`qmp ${id}`, async () => {
      const qmp = await Qmp.connect(path.join(this.#guests.runPath(id), 'qmp'), this.#clock)
      try {
        return await work(qmp)
      } finally {
        qmp.close()
      }
    })
  }

  /** Throws `AgentSilent`, at once if nobody in the guest listens. */
  async agent<T>(id: string, work: (agent: GuestAgent) => Promise<T>): Promise<T> {
    if (!(await this.qmp(id, hasAgent))) throw new AgentSilent(id)
    return await this.#turns.take(`agent ${id}`, async () => {
      try {
        const socketFile = path.join(this.#guests.runPath(id), 'agent')
        const agent = await GuestAgent.connect(socketFile, this.#random.bytes(4).readUInt32BE(), this.#clock)
        try {
          return await work(agent)
        } finally {
          agent.close()
        }
      } catch (error) {
        throw error instanceof LineSilent ? new AgentSilent(id) : error
      }
    })
  }
}
