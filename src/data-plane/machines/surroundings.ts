import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { nodeFiles, readWhole, replaceFile } from '#foundation/files.ts'
import type { Conversations } from './conversations.ts'
import type { Guests } from './guests.ts'
import { writeForQemu } from './launch.ts'
import type { MachineParts } from './machine-parts.ts'
import { MachineFailed, type MachineSpec } from './machines.ts'
import type { HealthReport } from './metadata/fabric.ts'
import { type Metadata, openMetadata } from './metadata/open-metadata.ts'
import { changeForwards, checkForwards, explainForward, ForwardTaken } from './network/forwards.ts'
import { metadataAddress } from './network/management.ts'
import { networkArguments } from './network/network-arguments.ts'
import { type Dhcp, openDhcp } from './network/open-dhcp.ts'
import { discArguments, discRemoval } from './provisioning/disc-arguments.ts'
import { provisioningDisc } from './provisioning/provisioning-disc.ts'
import { seedPath } from './provisioning/seed.ts'
import { smbiosArguments } from './provisioning/smbios-arguments.ts'
import { QmpRefused } from './qmp.ts'
import type { Unprivileged } from './supervise.ts'

/** What stays with a host for good. */
export interface HostSecrets {
  readonly hostId: string
  readonly seedSecret: Uint8Array
}

type Parts = Omit<MachineParts, 'user'> & {
  readonly guests: Guests
  readonly talk: Conversations
  readonly user: Unprivileged | undefined
}

type Nics = Pick<MachineSpec, 'nics'>

/** All that a guest finds around itself beside its disks: cables, addresses, metadata, and the disc that tells it who it is. */
export class Surroundings {
  readonly #parts: Parts
  readonly #seedSecret: Uint8Array
  readonly #hostId: string
  readonly #metadata: Metadata
  readonly #dhcp: Dhcp

  constructor(parts: Parts, { hostId, seedSecret }: HostSecrets) {
    this.#parts = parts
    this.#seedSecret = seedSecret
    this.#hostId = hostId
    this.#dhcp = openDhcp(hostId, parts.log)
    const onHealth = (id: string, health: HealthReport) => this.#heard(id, health)
    this.#metadata = openMetadata({ answer: parts.metadata, onHealth, seedSecret, log: parts.log })
  }

  /** Machines that run since an earlier process of ours still ask for their addresses. */
  async reopen(): Promise<void> {
    for (const { spec } of await this.#parts.guests.running()) await this.#dhcp.serve(spec.id, spec.nics)
  }

  /** Before QEMU starts: serves the machine, writes its disc, and tells what QEMU is to be told. Throws `MachineFailed`. */
  async prepare(spec: MachineSpec, socat: string): Promise<string[]> {
    await checkForwards(spec).catch(error => {
      throw asFailure(spec.id, error)
    })
    await this.serve(spec)
    const run = this.#parts.guests.runFolder(spec.id)
    const seedUrl = `http://${metadataAddress}${seedPath(this.#seedSecret, spec)}`
    const metadataSocket = `${run}/metadata`
    const isOutward = this.#parts.outwardNetwork ?? false
    return [
      ...smbiosArguments(spec, seedUrl),
      ...networkArguments(spec, { metadataSocket, socat, hostId: this.#hostId, isOutward }),
      ...((await this.#writeDisc(spec)) ? discArguments(`${run}/disc.iso`) : []),
    ]
  }

  /** Answers a machine that starts or runs. */
  async serve(spec: MachineSpec): Promise<void> {
    const { guests, user } = this.#parts
    await this.#dhcp.serve(spec.id, spec.nics)
    await this.#metadata.serve({
      spec,
      isReady: await guests.isReady(spec.id, spec.identity.instanceId),
      socketFile: path.join(guests.runPath(spec.id), 'metadata'),
      ...(user && { user }),
    })
  }

  /** Takes a running machine's forwards from what they were to what they are to be. Throws `MachineFailed`. */
  async rewire(id: string, before: Nics, after: Nics): Promise<void> {
    await this.#parts.talk.qmp(id, async qmp => {
      const monitor = (line: string) => qmp.execute<string>('human-monitor-command', { 'command-line': line })
      await changeForwards(monitor, before, after).catch(error => {
        throw asFailure(id, error)
      })
    })
  }

  /** What QEMU's last words mean, if it failed for a forward. */
  async explain(error: unknown, spec: MachineSpec): Promise<unknown> {
    const reason = error instanceof MachineFailed ? await explainForward(error.message, spec) : undefined
    return reason ? asFailure(spec.id, reason) : error
  }

  async forget(id: string): Promise<void> {
    await this.#dhcp.forget(id)
    await this.#metadata.forget(id)
  }

  async close(): Promise<void> {
    await this.#dhcp.close()
    await this.#metadata.close()
  }

  /** Whether there is a disc. A guest that was ready once finds no password on it. */
  async #writeDisc({ id, identity }: MachineSpec): Promise<boolean> {
    const { guests, clock, user } = this.#parts
    const isReady = await guests.isReady(id, identity.instanceId)
    const disc = provisioningDisc(identity, isReady ? 'without password' : 'with password', clock.now())
    if (!disc) return false
    await writeForQemu(path.join(guests.runPath(id), 'disc.iso'), disc, { user, mode: 0o400 })
    return true
  }

  async #heard(id: string, health: HealthReport): Promise<void> {
    const { guests, log } = this.#parts
    if (health.kind !== 'ready') {
      log.warn('A guest reports on its provisioning.', { machineId: id, ...health })
      return await guests.hearTrouble(id, [health.subStatus, health.description].filter(Boolean).join(': '))
    }
    await guests.becomeReady(id)
    // The guest waits for our answer, and the disc is not needed for it.
    void this.#takeDiscOut(id).catch(error =>
      log.warn('The provisioning disc stays in its drive.', { machineId: id, error }),
    )
  }

  async #takeDiscOut(id: string): Promise<void> {
    const file = path.join(this.#parts.guests.runPath(id), 'disc.iso')
    if (!(await nodeFiles.exists(file))) return
    await this.#parts.talk.qmp(id, async qmp => {
      for (const { execute, arguments: args } of discRemoval)
        await qmp.execute(execute, args).catch(error => {
          if (!(error instanceof QmpRefused)) throw error // it is out already
        })
    })
    await fs.rm(file, { force: true })
  }
}

const asFailure = (id: string, error: unknown): unknown =>
  error instanceof ForwardTaken ? new MachineFailed(id, error.message, { cause: error }) : error

/** What tells this host from others, made when it is first asked for. */
export const hostSecrets = async ({
  folder,
  random,
}: Pick<MachineParts, 'folder' | 'random'>): Promise<HostSecrets> => {
  const file = path.join(folder, 'host.json')
  if (!(await nodeFiles.exists(file))) {
    const made = { hostId: random.uuid(), seedSecret: random.bytes(32).toString('hex') }
    await replaceFile(nodeFiles, file, Buffer.from(JSON.stringify(made)))
  }
  const kept = JSON.parse((await readWhole(nodeFiles, file)).toString()) as { hostId: string; seedSecret: string }
  return { hostId: kept.hostId, seedSecret: Buffer.from(kept.seedSecret, 'hex') }
}
