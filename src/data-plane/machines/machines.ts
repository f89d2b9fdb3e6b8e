import type { ChangedBytes, SparseBytes } from '#foundation/sparse-bytes.ts'

/** Where a disk's bytes come from, for as long as nothing was written over them. Opened when it is needed, closed when it is not. */
export interface DiskOrigin {
  /** Names these bytes for good: two disks with one id have the same content. Files and exports are named after it. */
  readonly id: string
  open(): Promise<SparseBytes>
}

/** A disk of a machine. What the guest writes lies in an overlay of the disk's own, and stays there until `forgetDisk`. */
export interface MachineDisk {
  /** Made with the disk and kept, wherever it is attached: letters, digits, dashes. */
  readonly id: string
  /** `undefined` is the disk that the machine boots from; data disks have a number from 0 to 63 each. */
  readonly lun: number | undefined
  readonly sizeBytes: number
  /** What the guest sees before it writes anything; without it the disk is empty. */
  readonly base: DiskOrigin | undefined
  readonly isReadOnly?: boolean
}

/** A port of the guest that is reached from outside, at `address`, on the port of the same number. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp'
  /** A loopback address of this host: `127.10.0.5`. */
  readonly address: string
  readonly port: number
}

/** One network interface of the guest. */
export interface MachineNic {
  /** `00:0d:3a:12:34:56` */
  readonly mac: string
  /** Machines whose interfaces name the same network reach each other on it; any text. */
  readonly network: string
  /** Of the guest in that network: `10.0.0.4`. */
  readonly privateAddress: string
  /** Bits of the subnet: 24. */
  readonly prefixLength: number
  readonly forwards: readonly Forward[]
}

/** What a guest finds out about itself, at 169.254.169.254 and on its provisioning disc. */
export interface MachineIdentity {
  /** Another one makes the guest a new machine: host keys, machine id and hostname are made anew. */
  readonly instanceId: string
  readonly hostname: string
  /** Absent for a specialized disk: nothing is provisioned, the guest is what it was. */
  readonly login?: {
    readonly adminUsername: string
    /** As it was sent; never in a log, and taken out of the disc once the guest has reported that it is ready. */
    readonly adminPassword?: string
    readonly disablePasswordAuthentication: boolean
    /** Lines of `authorized_keys` and the file they belong to. */
    readonly publicKeys: readonly { readonly path: string; readonly keyData: string }[]
  }
  /** As the guest gets it, decoded from base64. */
  readonly customData?: Uint8Array
  /** Whether it has reported before, as this instance, that it is provisioned, also to a host that keeps nothing of it by now. */
  readonly isProvisioned?: boolean
}

/** A machine as it should run. Equal specs are the same machine; what differs is taken over by `apply`, or at its next start. */
export interface MachineSpec {
  /** Made with the machine and kept until it is removed: a UUID. Names its folder and its process. */
  readonly id: string
  /** For people who look at processes and logs. */
  readonly label: string
  readonly cores: number
  readonly memoryMiB: number
  /** V1 boots by BIOS, V2 by UEFI. */
  readonly generation: 'V1' | 'V2'
  readonly disks: readonly MachineDisk[]
  readonly nics: readonly MachineNic[]
  readonly identity: MachineIdentity
}

export type MachineState =
  /** Its processor runs. `isReady` once the guest has reported that it is provisioned; `report` is what it said last of why it is not. */
  | { readonly kind: 'running'; readonly startedAt: string; readonly isReady: boolean; readonly report?: string }
  /** Its process ended because the guest or `stop` switched it off, or it was never started. */
  | { readonly kind: 'stopped' }
  /** Its process ended by itself, or by another's hand. */
  | { readonly kind: 'died'; readonly reason: string; readonly lastLines: readonly string[] }

/** What the guest asks for at 169.254.169.254, answered by whoever knows what the machine is. `undefined` is 404. */
export type AnswerMetadata = (
  machineId: string,
  request: { readonly path: string; readonly query: URLSearchParams },
) => Promise<{ readonly status: number; readonly contentType: string; readonly body: string } | undefined>

/** The host has not enough cores, memory or disk for one more machine. */
export class HostFull extends Error {
  override readonly name = 'HostFull'
  readonly lacking: 'cores' | 'memory' | 'disk'
  constructor(lacking: HostFull['lacking'], message: string) {
    super(message)
    this.lacking = lacking
  }
}

/** QEMU could not be started, or refused what it was told. `message` says what to do where that is known. */
export class MachineFailed extends Error {
  override readonly name = 'MachineFailed'
  readonly machineId: string
  constructor(machineId: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.machineId = machineId
  }
}

/** Nobody in the guest answers: it runs no agent, or not yet. */
export class AgentSilent extends Error {
  override readonly name = 'AgentSilent'
  readonly machineId: string
  constructor(machineId: string) {
    super(`The guest agent of machine ${machineId} does not answer.`)
    this.machineId = machineId
  }
}

export interface HostInfo {
  /** `tcg` where a probe guest did not boot under KVM; `none` where there is no QEMU: `problem` says what to install. */
  readonly accelerator: 'kvm' | 'tcg' | 'none'
  readonly qemuVersion?: string
  readonly problem?: string
  readonly cores: number
  readonly memoryMiB: number
  /** Promised to running machines. */
  readonly usedCores: number
  readonly usedMemoryMiB: number
}

/**
 * The machines of one host: a QEMU process each, which outlives us and is found again. All calls are idempotent, may run at one
 * time, and survive `kill -9` at any moment: what was begun is finished by the same call later.
 */
export interface Machines {
  host(): Promise<HostInfo>
  /**
   * Runs the machine as described; one that runs stays and takes over what can be changed while it runs. Throws `HostFull`, `MachineFailed`. After
   * a restart of ours, `start` or `apply` is to be called for each machine that should run: some may still wait for a disk's origin.
   */
  start(spec: MachineSpec): Promise<void>
  /** Takes over forwards and data disks that came or went, while the machine runs; for one that does not run it does nothing. */
  apply(spec: MachineSpec): Promise<void>
  /** Presses the power button, and ends the process after `graceMs`; 0 pulls the plug. Its overlays stay. */
  stop(id: string, graceMs: number): Promise<void>
  /** Ends and begins the guest's system without losing the process: as the reset button does, after a grace as in `stop`. */
  restart(id: string, graceMs: number): Promise<void>
  state(id: string): Promise<MachineState>
  /** Ids of all machines that have a folder here, running or not. */
  list(): Promise<readonly string[]>
  /** Stops the machine and removes its folder; overlays of its disks stay. */
  remove(id: string): Promise<void>

  /**
   * What was written over a disk's base: of a disk that no running machine has, as it lies there; of one in use, as of this moment
   * (crash-consistent, and with the guest's file systems frozen where its agent can). `undefined` if nothing was ever written.
   * The base of a machine that was started over it must still open. Close it when done.
   */
  changes(disk: MachineDisk): Promise<ChangedBytes | undefined>
  /** Removes a disk's overlay: what the guest wrote is gone, the base counts again. Refused while a machine runs on it. */
  forgetDisk(diskId: string): Promise<void>
  /** Ids of all disks that have an overlay here. */
  listDisks(): Promise<readonly string[]>

  /** The end of what the guest wrote to its serial port, 1 MiB at most. */
  console(id: string): Promise<Uint8Array>
  /** What its screen shows, as PNG. `undefined` for one that does not run. */
  screenshot(id: string): Promise<Uint8Array | undefined>
  /** Runs a shell script as root by the guest's agent. Throws `AgentSilent`. Output is bounded to the last 4 KiB of each stream. */
  runScript(
    id: string,
    script: string,
    limits: { readonly timeoutMs: number },
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>

  /** Lets go of all machines, which run on. */
  close(): Promise<void>
}
