import type { Clock } from '#foundation/clock.ts'
import type { ChangedBytes, Extent } from '#foundation/sparse-bytes.ts'
import {
  AgentSilent,
  HostFull,
  type HostInfo,
  type MachineDisk,
  MachineFailed,
  type MachineSpec,
  type MachineState,
  type Machines,
} from './machines.ts'

/** What a script does in a guest that has an agent. */
type Script = (
  machineId: string,
  script: string,
) => { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

interface Written extends Extent {
  readonly bytes: Uint8Array
}

interface Machine {
  spec: MachineSpec
  state: MachineState
  console: string
}

/** Machines without a host: states, limits and what was written to disks are kept as a real host keeps them; guests are played by a test. */
export class MemoryMachines implements Machines {
  readonly #clock: Clock
  readonly #cores: number
  readonly #memoryMiB: number
  readonly #machines = new Map<string, Machine>()
  readonly #written = new Map<string, Written[]>()
  #script: Script | undefined
  /** Asked before each call; an error that it returns is thrown, and nothing is done. `subject` is the machine's or disk's id. */
  failing: (call: string, subject: string) => Error | undefined = () => undefined
  /** Whether guests hear the power button; if not, `stop` and `restart` take all of their grace. */
  obeysPowerButton = true

  constructor(parts: { readonly clock: Clock; readonly cores?: number; readonly memoryMiB?: number }) {
    this.#clock = parts.clock
    this.#cores = parts.cores ?? 64
    this.#memoryMiB = parts.memoryMiB ?? 65_536
  }

  // What guests do.

  /** The guest writes to one of its disks, whose content is kept as the host would keep it. */
  write(machineId: string, diskId: string, offset: number, bytes: Uint8Array): void {
    const disk = this.#running(machineId).spec.disks.find(each => each.id === diskId)
    if (!disk || disk.isReadOnly) throw new Error(`Machine ${machineId} can't write to disk ${diskId}.`)
    if (offset + bytes.length > disk.sizeBytes) throw new RangeError(`Disk ${diskId} has ${disk.sizeBytes} bytes.`)
    const written = this.#written.get(diskId) ?? []
    this.#written.set(diskId, without(written, offset, bytes.length))
    this.#written.get(diskId)?.push({ offset, length: bytes.length, bytes: bytes.slice() })
  }

  print(machineId: string, text: string): void {
    const machine = this.#running(machineId)
    machine.console = (machine.console + text).slice(-(2 ** 20))
  }

  /** The guest reports that it is provisioned. */
  becomeReady(machineId: string): void {
    const machine = this.#running(machineId)
    if (machine.state.kind !== 'running') return
    const { kind, startedAt } = machine.state
    machine.state = { kind, startedAt, isReady: true }
  }

  /** The guest reports why it is not. */
  reportTrouble(machineId: string, report: string): void {
    const machine = this.#running(machineId)
    if (machine.state.kind === 'running') machine.state = { ...machine.state, report }
  }

  /** The guest switches itself off. */
  powerOff(machineId: string): void {
    this.#running(machineId).state = { kind: 'stopped' }
  }

  /** The process ends by another's hand. */
  die(machineId: string, reason: string): void {
    const machine = this.#running(machineId)
    machine.state = { kind: 'died', reason, lastLines: machine.console.trimEnd().split('\n').slice(-20) }
  }

  /** From now on guests have an agent. */
  answerScripts(script: Script | undefined): void {
    this.#script = script
  }

  /** As it was last started or applied. */
  specOf(machineId: string): MachineSpec | undefined {
    return this.#machines.get(machineId)?.spec
  }

  // What the host does.

  async host(): Promise<HostInfo> {
    return { accelerator: 'tcg', qemuVersion: '7.2.0', cores: this.#cores, memoryMiB: this.#memoryMiB, ...this.#used() }
  }

  async start(spec: MachineSpec): Promise<void> {
    this.#fail('start', spec.id)
    const found = this.#machines.get(spec.id)
    if (found?.state.kind === 'running') return this.apply(spec)
    this.#admit(spec)
    const startedAt = this.#clock.now().toISOString()
    const isReady = spec.identity.isProvisioned ?? false
    this.#machines.set(spec.id, { spec, state: { kind: 'running', startedAt, isReady }, console: '' })
    for (const { id, isReadOnly } of spec.disks) if (!isReadOnly && !this.#written.has(id)) this.#written.set(id, [])
  }

  async apply(spec: MachineSpec): Promise<void> {
    this.#fail('apply', spec.id)
    const machine = this.#machines.get(spec.id)
    if (machine?.state.kind !== 'running') return
    this.#requireDisksFree(spec)
    machine.spec = { ...machine.spec, disks: spec.disks, nics: spec.nics }
    for (const { id, isReadOnly } of spec.disks) if (!isReadOnly && !this.#written.has(id)) this.#written.set(id, [])
  }

  async stop(id: string, graceMs: number): Promise<void> {
    this.#fail('stop', id)
    if (this.#machines.get(id)?.state.kind === 'running' && !this.obeysPowerButton) await this.#clock.sleep(graceMs)
    const machine = this.#machines.get(id)
    if (machine) machine.state = { kind: 'stopped' }
  }

  async restart(id: string, graceMs: number): Promise<void> {
    this.#fail('restart', id)
    this.#running(id)
    if (!this.obeysPowerButton) await this.#clock.sleep(graceMs)
    this.#running(id).console = ''
  }

  async state(id: string): Promise<MachineState> {
    this.#fail('state', id)
    return this.#machines.get(id)?.state ?? { kind: 'stopped' }
  }

  async list(): Promise<readonly string[]> {
    return [...this.#machines.keys()]
  }

  async remove(id: string): Promise<void> {
    this.#fail('remove', id)
    this.#machines.delete(id)
  }

  async changes(disk: MachineDisk): Promise<ChangedBytes | undefined> {
    this.#fail('changes', disk.id)
    const written = [...(this.#written.get(disk.id) ?? [])].sort((left, right) => left.offset - right.offset)
    if (written.length === 0) return undefined
    return {
      sizeBytes: disk.sizeBytes,
      async *changes() {
        for (const { offset, length } of written) yield { offset, length, kind: 'data' }
      },
      async read(offset, target) {
        for (const each of written) {
          const start = Math.max(offset, each.offset)
          const end = Math.min(offset + target.length, each.offset + each.length)
          if (start < end) target.set(each.bytes.subarray(start - each.offset, end - each.offset), start - offset)
        }
      },
      async close() {},
    }
  }

  async forgetDisk(diskId: string): Promise<void> {
    this.#fail('forgetDisk', diskId)
    const user = this.#userOf(diskId)
    if (user) throw new MachineFailed(user, `Disk ${diskId} is in use by machine ${user}, which runs. Stop it first.`)
    this.#written.delete(diskId)
  }

  async listDisks(): Promise<readonly string[]> {
    return [...this.#written.keys()]
  }

  async console(id: string): Promise<Uint8Array> {
    this.#fail('console', id)
    return Buffer.from(this.#machines.get(id)?.console ?? '')
  }

  async screenshot(id: string): Promise<Uint8Array | undefined> {
    this.#fail('screenshot', id)
    return this.#machines.get(id)?.state.kind === 'running' ? onePixel : undefined
  }

  async runScript(id: string, script: string): ReturnType<Machines['runScript']> {
    this.#fail('runScript', id)
    this.#running(id)
    if (!this.#script) throw new AgentSilent(id)
    return this.#script(id, script)
  }

  async close(): Promise<void> {}

  #fail(call: string, subject: string): void {
    const error = this.failing(call, subject)
    if (error) throw error
  }

  #running(id: string): Machine {
    const machine = this.#machines.get(id)
    if (machine?.state.kind !== 'running') throw new MachineFailed(id, `Machine ${id} does not run.`)
    return machine
  }

  #used() {
    const running = [...this.#machines.values()].filter(({ state }) => state.kind === 'running')
    return {
      usedCores: running.reduce((sum, { spec }) => sum + spec.cores, 0),
      usedMemoryMiB: running.reduce((sum, { spec }) => sum + spec.memoryMiB, 0),
    }
  }

  #admit(spec: MachineSpec): void {
    const { usedCores, usedMemoryMiB } = this.#used()
    if (usedCores + spec.cores > this.#cores) throw new HostFull('cores', `${this.#cores} cores are all there are.`)
    if (usedMemoryMiB + spec.memoryMiB > this.#memoryMiB)
      throw new HostFull('memory', `${this.#memoryMiB} MiB of memory are all there are.`)
    this.#requireDisksFree(spec)
  }

  #requireDisksFree(spec: MachineSpec): void {
    for (const { id } of spec.disks) {
      const user = this.#userOf(id)
      if (user && user !== spec.id) throw new MachineFailed(spec.id, `Disk ${id} is in use by machine ${user}.`)
    }
  }

  #userOf(diskId: string): string | undefined {
    for (const [id, { spec, state }] of this.#machines)
      if (state.kind === 'running' && spec.disks.some(each => each.id === diskId)) return id
    return undefined
  }
}

/** What is left of written ranges when one of them is written again. */
const without = (written: readonly Written[], offset: number, length: number): Written[] =>
  written.flatMap(each => [
    ...cut(each, each.offset, Math.min(each.offset + each.length, offset)),
    ...cut(each, Math.max(each.offset, offset + length), each.offset + each.length),
  ])

const cut = (whole: Written, start: number, end: number): Written[] =>
  start < end
    ? [{ offset: start, length: end - start, bytes: whole.bytes.subarray(start - whole.offset, end - whole.offset) }]
    : []

const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
  'base64',
)
