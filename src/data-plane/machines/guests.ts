import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles, replaceFile } from '#foundation/files.ts'
import { invariant } from '#foundation/invariant.ts'
import { endOf, type FoundProcess, findProcess, isGone, searchProcess, signalProcess } from './machine-process.ts'
import { type MachineRecord, readIfThere, readRecord, writeRecord } from './machine-record.ts'
import type { MachineState } from './machines.ts'
import { readEnd, readLog } from './read-end.ts'

const lastLines = 20
const exitPollMs = 50
const exitRounds = 40

/** Ids name folders: nothing else than what a UUID is made of. */
export const requireId = (id: string): void => invariant(/^[0-9A-Za-z-]{1,64}$/.test(id), `${id} can't be an id.`)

/** The folder `guests/`: what is known of each machine, in a folder of its own, and its process. */
export class Guests {
  readonly #root: string
  readonly #clock: Clock
  /** What guests said last of why they are not ready, and since when those run. Forgotten with us. */
  readonly #reports = new Map<string, { readonly startedAt: string; readonly report: string }>()

  constructor(root: string, clock: Clock) {
    this.#root = root
    this.#clock = clock
  }

  /** What only we write. */
  folder(id: string): string {
    requireId(id)
    return path.join(this.#root, 'guests', id)
  }

  /** What QEMU writes, relative to its working directory: not to be believed. */
  runFolder(id: string): string {
    return `guests/${id}/run`
  }

  /** The same for us. */
  runPath(id: string): string {
    return path.join(this.folder(id), 'run')
  }

  async list(): Promise<string[]> {
    const names = await fs.readdir(path.join(this.#root, 'guests'))
    const known = await Promise.all(names.map(id => readRecord(this.folder(id))))
    return names.filter((_, index) => known[index])
  }

  record(id: string): Promise<MachineRecord | undefined> {
    return readRecord(this.folder(id))
  }

  async keep(record: MachineRecord): Promise<void> {
    const folder = this.folder(record.spec.id)
    const isNew = !(await nodeFiles.exists(folder))
    await fs.mkdir(folder, { recursive: true, mode: 0o711 })
    await writeRecord(folder, record)
    if (isNew) await nodeFiles.syncDirectory(path.dirname(folder))
  }

  async forget(id: string): Promise<void> {
    this.#reports.delete(id)
    // The record last: with it the machine is known, and removing it can be asked for again.
    await fs.rm(this.runPath(id), { recursive: true, force: true, maxRetries: 3 })
    await fs.rm(this.folder(id), { recursive: true, force: true, maxRetries: 3 })
    await nodeFiles.syncDirectory(path.join(this.#root, 'guests'))
  }

  process(id: string): Promise<FoundProcess | undefined> {
    return findProcess(id, this.runPath(id))
  }

  /** As `process`, for who must not overlook one that has hardly begun. */
  async surely(id: string): Promise<FoundProcess | undefined> {
    return (await this.process(id)) ?? (await searchProcess(id, this.#clock))
  }

  async running(): Promise<MachineRecord[]> {
    const found: MachineRecord[] = []
    for (const id of await this.list()) {
      const record = (await this.process(id)) && (await this.record(id))
      if (record) found.push(record)
    }
    return found
  }

  async state(id: string): Promise<MachineState> {
    const record = await this.record(id)
    if (!record) return { kind: 'stopped' }
    const isReady = await this.isReady(id, record.instanceId)
    if (await this.process(id)) {
      const { startedAt } = record
      const heard = this.#reports.get(id)
      const isNews = !isReady && heard?.startedAt === startedAt
      return { kind: 'running', startedAt, isReady, ...(isNews ? { report: heard.report } : {}) }
    }
    if (record.wanted === 'stopped') return { kind: 'stopped' }
    const end = await this.#end(id, record)
    if (end.isOrderly) return { kind: 'stopped' }
    const said = (await this.console(id)).subarray(-16_384).toString().trimEnd().split('\n')
    return { kind: 'died', reason: end.reason, lastLines: said.slice(-lastLines) }
  }

  /** Keeps what the guest has reported of why it is not provisioned. */
  async hearTrouble(id: string, report: string): Promise<void> {
    const record = await this.record(id)
    if (record) this.#reports.set(id, { startedAt: record.startedAt, report })
  }

  /** Keeps that the guest has reported that it is provisioned. */
  async becomeReady(id: string): Promise<void> {
    const record = await this.record(id)
    if (record && !(await this.isReady(id, record.instanceId)))
      await replaceFile(nodeFiles, path.join(this.folder(id), 'ready'), Buffer.from(record.instanceId))
  }

  /** Whether it has, as this instance. */
  async isReady(id: string, instanceId: string): Promise<boolean> {
    return (await readIfThere(path.join(this.folder(id), 'ready'))) === instanceId
  }

  async console(id: string): Promise<Buffer> {
    return await readLog(this.runPath(id), 'serial', 2 ** 20)
  }

  /** Ends a process by ever stronger means. `ask` is the gentlest of them. */
  async end(id: string, process: FoundProcess, ask: () => Promise<unknown>): Promise<void> {
    const gone = async (limitMs: number) => {
      const isSo = await isGone(id, process, { clock: this.#clock, limitMs })
      if (isSo) await this.#exit(id) // its supervisor still writes to the folder
      return isSo
    }
    await ask().catch(() => {}) // it may hang, or have ended meanwhile: what follows needs no answer
    if (await gone(5000)) return
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await signalProcess(id, process, signal)
      if (await gone(5000)) return
    }
    throw new Error(
      `Process ${process.pid} of machine ${id} can't be ended: it waits for the system, perhaps for a disk.`,
    )
  }

  /** How it ended. */
  async #end(id: string, record: MachineRecord): Promise<{ readonly isOrderly: boolean; readonly reason: string }> {
    if (record.bootId !== (await hostBootId()))
      return { isOrderly: false, reason: 'The host was started anew while the machine ran.' }
    return endOf(await this.#exit(id), (await readLog(this.runPath(id), 'qemu', 4096)).toString())
  }

  /** What its supervisor may just be writing down. */
  async #exit(id: string): Promise<string> {
    for (let round = 0; ; round++) {
      const exit = (await readEnd(path.join(this.runPath(id), 'exit'), 8)).toString()
      if (exit !== '' || round === exitRounds) return exit
      await this.#clock.sleep(exitPollMs)
    }
  }
}

/** Another one after each start of the host. */
export const hostBootId = async (): Promise<string> =>
  (await fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim()
