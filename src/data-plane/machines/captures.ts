import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles, replaceFile } from '#foundation/files.ts'
import type { Random } from '#foundation/random.ts'
import type { ChangedBytes } from '#foundation/sparse-bytes.ts'
import { beginCapture, captureName, endCaptures, isCaptured } from './capture.ts'
import type { Conversations } from './conversations.ts'
import type { Guests } from './guests.ts'
import { AgentSilent, type MachineDisk } from './machines.ts'
import { changesOf, createOverlay } from './overlays.ts'
import type { Unprivileged } from './supervise.ts'

const pollMs = 100
const freezeMs = 20_000

interface CaptureParts {
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
  readonly guests: Guests
  readonly talk: Conversations
  readonly user: Unprivileged | undefined
}

/** Takes what running machines have written to their disks, while they go on. */
export class Captures {
  readonly #parts: CaptureParts
  readonly #jobs = new Set<string>()
  /** How many captures hold a guest's file systems still now. */
  readonly #freezing = new Map<string, number>()

  constructor(parts: CaptureParts) {
    this.#parts = parts
  }

  /** Whether a job in QEMU is one that somebody waits for, and not left behind by an earlier process. */
  isOurs(job: string): boolean {
    return this.#jobs.has(job)
  }

  /** What was written to a disk until now; undefined if nothing was. */
  async take(machineId: string, disk: MachineDisk): Promise<ChangedBytes | undefined> {
    const { folder, guests, random, user } = this.#parts
    const record = await guests.record(machineId)
    const sizeBytes = record?.spec.disks.find(({ id }) => id === disk.id)?.sizeBytes ?? disk.sizeBytes
    const job = captureName(random.bytes(8))
    const file = `captures/${job}.qcow2`
    this.#jobs.add(job)
    try {
      await createOverlay(path.join(folder, file), sizeBytes, user)
      await this.#copy(machineId, disk.id, file, job)
      return await changesOf(path.join(folder, file))
    } finally {
      this.#jobs.delete(job)
      await fs.rm(path.join(folder, file), { force: true }) // who reads it has it open
    }
  }

  async #copy(machineId: string, diskId: string, file: string, job: string): Promise<void> {
    const { clock, talk } = this.#parts
    const end = () => talk.qmp(machineId, qmp => endCaptures(qmp, each => each === job))
    try {
      await this.#frozen(machineId, () => talk.qmp(machineId, qmp => beginCapture(qmp, diskId, file, job)))
      while (!(await talk.qmp(machineId, qmp => isCaptured(qmp, job)))) await clock.sleep(pollMs)
    } catch (error) {
      await end().catch(() => {}) // the machine may be gone
      throw error
    }
    await end()
  }

  /**
   * Does something while the guest's file systems hold still, where its agent can do that. It is noted before: a guest that we leave
   * frozen, because we are killed or its agent was too slow, is thawed by `thawLeft`.
   */
  async #frozen(id: string, work: () => Promise<void>): Promise<void> {
    this.#count(id, 1)
    try {
      await replaceFile(nodeFiles, this.#mark(id), Buffer.alloc(0))
      const left = await this.#tell(id, 'guest-fsfreeze-freeze').then(
        () => 'frozen',
        error => (error instanceof AgentSilent ? 'perhaps' : 'as it was'), // no agent, or one that can't
      )
      try {
        await work()
      } finally {
        if (left === 'frozen') await this.#tell(id, 'guest-fsfreeze-thaw')
      }
      if (left !== 'perhaps' && this.#freezing.get(id) === 1) await fs.rm(this.#mark(id), { force: true })
    } finally {
      this.#count(id, -1)
    }
  }

  /** Has a guest go on that was left frozen: by an earlier process of ours, or by an agent that froze it after we had given it up. */
  async thawLeft(id: string): Promise<void> {
    if (this.#freezing.has(id) || !(await nodeFiles.exists(this.#mark(id)))) return
    try {
      await this.#tell(id, 'guest-fsfreeze-thaw')
      await fs.rm(this.#mark(id), { force: true })
    } catch (error) {
      if (!(error instanceof AgentSilent)) throw error // it is tried again as long as nobody answers
    }
  }

  #tell(id: string, command: string): Promise<unknown> {
    return this.#parts.talk.agent(id, agent => agent.execute(command, undefined, freezeMs))
  }

  #mark(id: string): string {
    return path.join(this.#parts.guests.folder(id), 'frozen')
  }

  #count(id: string, by: number): void {
    const count = (this.#freezing.get(id) ?? 0) + by
    if (count === 0) this.#freezing.delete(id)
    else this.#freezing.set(id, count)
  }
}
