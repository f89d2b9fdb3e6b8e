import { keyOf } from './disk-key.ts'
import { nameOf } from './machine-process.ts'
import type { MachineDisk, MachineSpec } from './machines.ts'
import type { OriginPlace } from './origins.ts'

/** A disk, with where its origin can be read. */
export interface PlacedDisk {
  readonly disk: MachineDisk
  readonly origin: OriginPlace | undefined
}

export interface Firmware {
  readonly code: string
  /** What a machine's own variables begin as. */
  readonly variables: string
}

/** Everything that QEMU is told beside the machine itself. */
export interface Launch {
  readonly accelerator: 'kvm' | 'tcg'
  readonly runFolder: string
  readonly disks: readonly PlacedDisk[]
  readonly firmware: Firmware | undefined
  /** What belongs to the guest's surroundings, see `Surroundings`. */
  readonly surroundings: readonly string[]
}

/** QEMU's names for the parts of a disk. */
export const nodesOf = (diskId: string) => {
  const key = keyOf(diskId)
  return {
    device: `disk-${key}`,
    overlay: `o-${key}`,
    overlayFile: `f-${key}`,
    originFile: `l-${key}`,
    originRaw: `r-${key}`,
    originSocket: `n-${key}`,
  }
}

type Options = Readonly<Record<string, unknown>>

/** How long a guest's reads wait for us, should we be gone: until we are back. */
const reconnectSeconds = 7 * 24 * 3600

/** The node of a disk's origin, and the nodes below it. Everything is named, nothing is probed. */
export const originNodes = (
  diskId: string,
  { kind, file }: OriginPlace,
): { readonly top: string; readonly nodes: Options[] } => {
  const { originFile, originRaw, originSocket } = nodesOf(diskId)
  if (kind === 'socket') {
    const server = { type: 'unix', path: file }
    const nbd = { driver: 'nbd', 'node-name': originSocket, server, export: '', 'read-only': true }
    return { top: originSocket, nodes: [{ ...nbd, 'reconnect-delay': reconnectSeconds }] }
  }
  return {
    top: originRaw,
    nodes: [
      { driver: 'file', 'node-name': originFile, filename: file, 'read-only': true },
      { driver: 'raw', 'node-name': originRaw, file: originFile, 'read-only': true },
    ],
  }
}

/** The overlay's own node: also what is said again when its origin moves. */
export const overlayNode = (
  { id, isReadOnly = false }: Pick<MachineDisk, 'id' | 'isReadOnly'>,
  origin: string | null,
): Options => {
  const { overlay, overlayFile } = nodesOf(id)
  const node = { driver: 'qcow2', 'node-name': overlay, file: overlayFile, backing: origin }
  return { ...node, 'read-only': isReadOnly, discard: 'unmap' }
}

/** All nodes of a disk, the lower ones first. */
export const diskNodes = ({ disk, origin }: PlacedDisk): Options[] => {
  const below = origin ? originNodes(disk.id, origin) : { top: null, nodes: [] }
  const file = {
    driver: 'file',
    'node-name': nodesOf(disk.id).overlayFile,
    filename: `disks/${disk.id}/overlay.qcow2`,
    'read-only': disk.isReadOnly ?? false,
    discard: 'unmap',
  }
  return [...below.nodes, file, overlayNode(disk, below.top)]
}

/** The device that the guest sees: the boot disk alone, data disks as units of one SCSI controller, where Azure has them too. */
export const diskDevice = ({ id, lun }: MachineDisk): Options => {
  const { device, overlay } = nodesOf(id)
  const serial = keyOf(id)
  if (lun === undefined) return { driver: 'virtio-blk-pci', id: device, drive: overlay, serial, bootindex: 0 }
  return { driver: 'scsi-hd', id: device, drive: overlay, serial, bus: 'scsi.0', channel: 0, 'scsi-id': 0, lun }
}

/** The whole command line, a list: no shell reads it, and nothing secret is in it. */
export const qemuArguments = (spec: MachineSpec, launch: Launch): string[] => {
  const { runFolder, accelerator, firmware, disks, surroundings } = launch
  return [
    ...['-name', `${nameOf(spec.id)},process=${processName(spec.label)}`],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    // Neither processes nor elevateprivileges, which forbids setsid, can be denied: a process relays each request of the guest to its metadata.
    ...['-sandbox', 'on,obsolete=deny,resourcecontrol=deny'],
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi'],
    ...['-machine', 'q35,usb=off', '-cpu', cpuOf(accelerator)],
    ...['-smp', `cpus=${spec.cores},sockets=1`, '-m', `${spec.memoryMiB}M`, '-rtc', 'base=utc'],
    ...monitors(runFolder),
    ...(firmware ? firmwareNodes(firmware.code, runFolder) : []),
    ...['-device', 'VGA', '-device', 'virtio-rng-pci', '-device', 'virtio-scsi-pci,id=scsi'],
    ...disks.flatMap(disk => diskNodes(disk).flatMap(node => ['-blockdev', JSON.stringify(node)])),
    ...disks.flatMap(({ disk }) => ['-device', JSON.stringify(diskDevice(disk))]),
    ...surroundings,
  ]
}

/** For people: what fits into the name of a process. */
const processName = (label: string): string => label.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 15) || 'machine'

/** Emulated is what today's distributions ask for at least (x86-64-v2), and little more, because what is emulated is slow. */
export const cpuOf = (accelerator: 'kvm' | 'tcg'): string =>
  accelerator === 'kvm' ? 'host' : 'qemu64,+cx16,+lahf_lm,+popcnt,+ssse3,+sse4.1,+sse4.2'

const monitors = (runFolder: string): string[] => [
  ...['-chardev', `socket,id=qmp,path=${runFolder}/qmp,server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
  ...['-chardev', 'file,id=serial,path=/proc/self/fd/3', '-serial', 'chardev:serial'],
  ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${runFolder}/agent,server=on,wait=off`],
  ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
]

const firmwareNodes = (code: string, runFolder: string): string[] => {
  const flash = (unit: number, filename: string, isReadOnly: boolean) => [
    '-drive',
    `if=pflash,unit=${unit},format=raw,readonly=${isReadOnly ? 'on' : 'off'},file=${filename}`,
  ]
  return [...flash(0, code, true), ...flash(1, `${runFolder}/nvram`, false)]
}
