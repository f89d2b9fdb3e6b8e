import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { nodeFiles } from '#foundation/files.ts'
import type { ChangedBytes } from '#foundation/sparse-bytes.ts'
import { findAccelerator } from './accelerator.ts'
import { admit, sumOf } from './admission.ts'
import { endCaptures } from './capture.ts'
import { Captures } from './captures.ts'
import { Conversations } from './conversations.ts'
import { keyOf } from './disk-key.ts'
import { findFirmware, findQemu, type Installed } from './find-qemu.ts'
import { Guests, hostBootId, requireId } from './guests.ts'
import { cleanRunFolder, launch, writeForQemu } from './launch.ts'
import { plugDisk, pluggedDisks, unplugDisk } from './live-disks.ts'
import type { MachineParts } from './machine-parts.ts'
import { type MachineRecord, recordOf } from './machine-record.ts'
import {
  type HostInfo,
  type MachineDisk,
  MachineFailed,
  type MachineSpec,
  type MachineState,
  type Machines,
} from './machines.ts'
import { hangAgain, isWaitedFor, moveToCopy } from './origin-moves.ts'
import { Origins } from './origins.ts'
import { OtherOrigin, Overlays } from './overlays.ts'
import { isSwitchedOff, reset, resume } from './power.ts'
import { type Firmware, type PlacedDisk, qemuArguments } from './qemu-arguments.ts'
import { readEnd } from './read-end.ts'
import type { Unprivileged } from './supervise.ts'
import { type HostSecrets, Surroundings } from './surroundings.ts'
import { Turns } from './turns.ts'

const maxScreenBytes = 16 * 2 ** 20
const downPollMs = 100

type User = Pick<MachineSpec, 'id' | 'cores' | 'memoryMiB'> & { readonly disks: readonly { readonly id: string }[] }

/** Machines as QEMU processes. Open it with `openMachines`. */
export class QemuMachines implements Machines {
  readonly #parts: MachineParts
  readonly #user: Unprivileged | undefined
  readonly #guests: Guests
  readonly #overlays: Overlays
  readonly #origins: Origins
  readonly #turns = new Turns()
  /** Machines that were admitted and have no process yet. */
  readonly #starting = new Map<string, MachineSpec>()
  /** Overlays that are being read: how often. */
  readonly #reading = new Map<string, number>()
  readonly #captures: Captures
  readonly #surroundings: Surroundings
  readonly #talk: Conversations
  /** Ends the patience of who waits for a guest. */
  readonly #patience = new Map<string, AbortController>()

  constructor(parts: MachineParts, user: Unprivileged | undefined, secrets: HostSecrets) {
    const { folder, clock, log, limits } = parts
    this.#parts = parts
    this.#user = user
    this.#guests = new Guests(folder, clock)
    this.#talk = new Conversations(this.#guests, parts)
    const around = { ...parts, guests: this.#guests, talk: this.#talk, user }
    this.#captures = new Captures(around)
    this.#surroundings = new Surroundings(around, secrets)
    this.#overlays = new Overlays(path.join(folder, 'disks'), user)
    this.#origins = new Origins({
      root: folder,
      user,
      clock,
      log,
      reserveBytes: limits.diskReserveBytes,
      needed: async () => new Set([...(await this.#overlays.origins())].map(keyOf)),
      arrived: key => moveToCopy({ guests: this.#guests, talk: this.#talk, turns: this.#turns }, key),
    })
  }

  /** Goes on with what machines need of us that run since an earlier process of ours. */
  async reopen(): Promise<void> {
    await this.#surroundings.reopen()
    for (const key of await this.#origins.copies())
      void this.#moveWaiting(key).catch(error =>
        this.#parts.log.warn('A machine may wait for its image.', { key, error }),
      )
  }

  /** A copy may have come when nobody could tell the machines that wait for it. */
  async #moveWaiting(key: string): Promise<void> {
    const hands = { guests: this.#guests, talk: this.#talk, turns: this.#turns }
    if (await isWaitedFor(hands, key)) await this.#origins.whileServed(key, () => moveToCopy(hands, key))
  }

  async host(): Promise<HostInfo> {
    const { cores, memoryMiB } = this.#parts.limits
    const used = sumOf((await this.#guests.running()).map(({ spec }) => spec))
    const room = { cores, memoryMiB, usedCores: used.cores, usedMemoryMiB: used.memoryMiB }
    const found = await findQemu()
    if ('problem' in found) return { accelerator: 'none', problem: found.problem, ...room }
    return { accelerator: await this.#accelerator(found), qemuVersion: found.version, ...room }
  }

  async start(spec: MachineSpec): Promise<void> {
    requireId(spec.id)
    await this.#turns.take(spec.id, async () => {
      const process = await this.#guests.surely(spec.id)
      const record = await this.#guests.record(spec.id)
      if (process && record?.wanted === 'running') return await this.#takeOver(spec, record)
      if (process) await this.#end(spec.id)
      await this.#boot(spec)
    })
  }

  async apply(spec: MachineSpec): Promise<void> {
    await this.#turns.take(spec.id, async () => {
      const record = await this.#guests.record(spec.id)
      if (record && (await this.#guests.process(spec.id))) await this.#takeOver(spec, record)
    })
  }

  async stop(id: string, graceMs: number): Promise<void> {
    if (graceMs === 0) this.#patience.get(id)?.abort()
    await this.#turns.take(id, async () => {
      const record = await this.#guests.record(id)
      if (!record) return
      const process = await this.#guests.surely(id)
      if (record.wanted !== 'stopped') await this.#guests.keep({ ...record, wanted: 'stopped' })
      if (!process) return
      const isGone = async () => !(await this.#guests.process(id))
      // A QEMU that hangs can't be asked, but ended.
      if (graceMs > 0 && (await this.#powerDown(id, graceMs, isGone).catch(() => false))) return
      await this.#end(id)
    })
  }

  async restart(id: string, graceMs: number): Promise<void> {
    if (graceMs === 0) this.#patience.get(id)?.abort()
    await this.#turns.take(id, async () => {
      await this.#requireRunning(id)
      // A guest that switches itself off stays as it is until it is reset.
      if (graceMs > 0) {
        await this.#talk.qmp(id, qmp => qmp.execute('set-action', { shutdown: 'pause' }))
        await this.#powerDown(id, graceMs, () => this.#talk.qmp(id, isSwitchedOff))
      }
      await this.#talk.qmp(id, reset)
    })
  }

  async state(id: string): Promise<MachineState> {
    return await this.#guests.state(id)
  }

  async list(): Promise<readonly string[]> {
    return await this.#guests.list()
  }

  async remove(id: string): Promise<void> {
    await this.stop(id, 0)
    await this.#turns.take(id, async () => {
      await this.#surroundings.forget(id)
      await this.#guests.forget(id)
    })
  }

  async changes(disk: MachineDisk): Promise<ChangedBytes | undefined> {
    requireId(disk.id)
    const user = await this.#userOf(disk.id)
    return user ? await this.#captures.take(user, disk) : await this.#readStopped(disk)
  }

  /** No machine may start on an overlay that is being read. */
  async #readStopped(disk: MachineDisk): Promise<ChangedBytes | undefined> {
    const count = (by: number) => this.#reading.set(disk.id, (this.#reading.get(disk.id) ?? 0) + by)
    count(1)
    const changes = await this.#overlays.changes(disk.id).catch(error => {
      count(-1)
      throw error
    })
    if (!changes) count(-1)
    return changes && { ...changes, close: () => changes.close().finally(() => count(-1)) }
  }

  async forgetDisk(diskId: string): Promise<void> {
    requireId(diskId)
    await this.#turns.take('admission', async () => {
      const user = await this.#userOf(diskId)
      if (user) throw new MachineFailed(user, `Disk ${diskId} is in use by machine ${user}, which runs. Stop it first.`)
      await this.#overlays.forget(diskId)
    })
  }

  async listDisks(): Promise<readonly string[]> {
    return await this.#overlays.list()
  }

  async console(id: string): Promise<Uint8Array> {
    return await this.#guests.console(id)
  }

  async screenshot(id: string): Promise<Uint8Array | undefined> {
    if (!(await this.#guests.process(id))) return undefined
    const name = `screen-${this.#parts.random.uuid()}.png`
    await this.#talk.qmp(id, qmp =>
      qmp.execute('screendump', { filename: `${this.#guests.runFolder(id)}/${name}`, format: 'png' }),
    )
    const file = path.join(this.#guests.runPath(id), name)
    try {
      return await readEnd(file, maxScreenBytes)
    } finally {
      await fs.rm(file, { force: true })
    }
  }

  async runScript(id: string, script: string, { timeoutMs }: { readonly timeoutMs: number }) {
    await this.#requireRunning(id)
    return await this.#talk.agent(id, agent => agent.runScript(script, timeoutMs))
  }

  async close(): Promise<void> {
    for (const patience of this.#patience.values()) patience.abort()
    await this.#origins.close()
    await this.#surroundings.close()
  }

  async #boot(spec: MachineSpec): Promise<void> {
    const { clock, folder } = this.#parts
    const qemu = await findQemu()
    if ('problem' in qemu) throw new MachineFailed(spec.id, qemu.problem)
    const accelerator = await this.#accelerator(qemu)
    const firmware = spec.generation === 'V2' ? await this.#firmware(spec.id) : undefined
    await this.#admit(spec)
    try {
      const disks = await this.#place(spec)
      const run = this.#guests.runFolder(spec.id)
      await this.#guests.keep(recordOf(spec, clock.now().toISOString(), await hostBootId()))
      if (spec.identity.isProvisioned) await this.#guests.becomeReady(spec.id)
      await cleanRunFolder(path.join(folder, run), this.#user)
      if (firmware) await this.#nvram(spec.id, firmware)
      const surroundings = await this.#surroundings.prepare(spec, qemu.socat)
      const args = qemuArguments(spec, { accelerator, runFolder: run, disks, firmware, surroundings })
      const parts = { root: folder, runFolder: run, user: this.#user, memoryMiB: spec.memoryMiB, clock }
      await launch(spec.id, [qemu.program, ...args], parts)
    } catch (error) {
      await this.#giveUp(spec.id)
      throw await this.#surroundings.explain(error, spec)
    } finally {
      this.#starting.delete(spec.id)
    }
  }

  /** Tried once at a time. */
  #accelerator(qemu: Installed) {
    return this.#turns.take('accelerator', () => findAccelerator(qemu, { ...this.#parts, user: this.#user }))
  }

  /** A machine that could not be started is stopped, not dead: whoever asked was told why. */
  async #giveUp(id: string): Promise<void> {
    const record = await this.#guests.record(id)
    if (record) await this.#guests.keep({ ...record, wanted: 'stopped' })
    await this.#surroundings.forget(id)
    if (await this.#guests.surely(id)) await this.#end(id)
  }

  /** Checks limits and disks against those that run, and reserves, in one go. */
  async #admit(spec: MachineSpec): Promise<void> {
    const { limits, folder } = this.#parts
    await this.#turns.take('admission', async () => {
      const others = (await this.#running()).filter(({ id }) => id !== spec.id)
      const { freeBytes } = await nodeFiles.space(folder)
      admit(spec, others, limits, freeBytes)
      this.#requireFree(spec, others, spec.disks)
      this.#starting.set(spec.id, spec)
    })
  }

  #requireFree(
    { id: machineId }: { readonly id: string },
    others: readonly User[],
    disks: readonly { readonly id: string }[],
  ): void {
    for (const { id } of disks) {
      requireId(id)
      const user = others.find(other => other.disks.some(disk => disk.id === id))
      if (user) throw new MachineFailed(machineId, `Disk ${id} is in use by machine ${user.id}.`)
      if (this.#reading.get(id))
        throw new MachineFailed(machineId, `Disk ${id} is being read. Try again when that is done.`)
    }
  }

  async #running(): Promise<User[]> {
    const running = (await this.#guests.running()).map(({ spec }) => spec)
    return [...this.#starting.values(), ...running.filter(({ id }) => !this.#starting.has(id))]
  }

  async #userOf(diskId: string): Promise<string | undefined> {
    return (await this.#running()).find(({ disks }) => disks.some(({ id }) => id === diskId))?.id
  }

  async #place({ id, disks }: MachineSpec): Promise<PlacedDisk[]> {
    return await Promise.all(
      disks.map(async disk => {
        try {
          await this.#overlays.prepare(disk)
        } catch (error) {
          if (error instanceof OtherOrigin || error instanceof RangeError)
            throw new MachineFailed(id, error.message, { cause: error })
          throw error
        }
        return { disk, origin: disk.base && (await this.#origins.provide(disk.base)) }
      }),
    )
  }

  async #firmware(id: string): Promise<Firmware> {
    const found = await findFirmware()
    if (found) return found
    throw new MachineFailed(
      id,
      'A machine of generation V2 needs UEFI, and OVMF is not installed. Install the package ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch).',
    )
  }

  /** The firmware's variables of a machine stay with it. */
  async #nvram(id: string, { variables }: Firmware): Promise<void> {
    const file = path.join(this.#guests.runPath(id), 'nvram')
    if (await nodeFiles.exists(file)) return
    await writeForQemu(file, await fs.readFile(variables), { user: this.#user, mode: 0o600 })
  }

  /** Brings a running machine to what is wanted, and ends what an earlier process of ours left half done. */
  async #takeOver(spec: MachineSpec, record: MachineRecord): Promise<void> {
    const { id, cores, memoryMiB } = record.spec
    const next = recordOf({ ...spec, cores, memoryMiB }, record.startedAt, record.bootId)
    const hands = { talk: this.#talk, origins: this.#origins }
    await this.#surroundings.serve(spec) // first: whatever else may fail, the guest is answered
    for (const disk of spec.disks) if (disk.base) await hangAgain(hands, id, { ...disk, base: disk.base })
    const wanted = spec.disks.map(({ id }) => id)
    const gone = record.spec.disks.filter(({ id }) => !spec.disks.some(disk => disk.id === id))
    await this.#claim(next, gone)
    const plugged = await this.#talk.qmp(id, async qmp => {
      await endCaptures(qmp, job => !this.#captures.isOurs(job))
      for (const { id } of gone) await unplugDisk(qmp, id)
      return await pluggedDisks(qmp, wanted)
    })
    const come = await this.#place({ ...spec, disks: spec.disks.filter(({ id }) => !plugged.includes(id)) })
    await this.#talk.qmp(id, async qmp => {
      for (const disk of come) await plugDisk(qmp, disk)
      await resume(qmp)
    })
    await this.#captures.thawLeft(id)
    await this.#surroundings.rewire(id, record.spec, spec)
    await this.#guests.keep(next)
  }

  /** Disks that come belong to a running machine before they are plugged, those that go until they are unplugged. */
  async #claim(next: MachineRecord, gone: MachineRecord['spec']['disks']): Promise<void> {
    await this.#turns.take('admission', async () => {
      this.#requireFree(
        next.spec,
        (await this.#running()).filter(({ id }) => id !== next.spec.id),
        next.spec.disks,
      )
      await this.#guests.keep({ ...next, spec: { ...next.spec, disks: [...next.spec.disks, ...gone] } })
    })
  }

  /** Whether the guest went down by itself, asked by its power button and then by its agent. */
  async #powerDown(id: string, graceMs: number, isDown: () => Promise<boolean>): Promise<boolean> {
    const { clock } = this.#parts
    const patience = new AbortController()
    this.#patience.set(id, patience)
    const startMs = clock.now().getTime()
    const passedMs = () => clock.now().getTime() - startMs
    try {
      await this.#talk.qmp(id, qmp => qmp.execute('system_powerdown'))
      for (let isAsked = false; passedMs() < graceMs && !patience.signal.aborted; ) {
        if (await isDown()) return true
        await clock.sleep(downPollMs, patience.signal)
        if (isAsked || passedMs() < graceMs / 2) continue
        isAsked = true
        await this.#talk.agent(id, agent => agent.shutdown()).catch(() => {})
      }
      return await isDown()
    } finally {
      this.#patience.delete(id)
    }
  }

  async #end(id: string): Promise<void> {
    const process = await this.#guests.surely(id)
    if (process)
      await this.#guests.end(id, process, () => this.#talk.qmp(id, qmp => qmp.execute('quit', undefined, 5000)))
  }

  async #requireRunning(id: string): Promise<void> {
    if (!(await this.#guests.process(id))) throw new MachineFailed(id, `Machine ${id} does not run.`)
  }
}
