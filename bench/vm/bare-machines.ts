import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as http from 'node:http'
import * as path from 'node:path'
import { promisify } from 'node:util'
import { findFirmware, findQemu } from '#data-plane/machines/find-qemu.ts'
import type { MachineSpec } from '#data-plane/machines/machines.ts'
import { networkArguments } from '#data-plane/machines/network/network-arguments.ts'
import { openDhcp } from '#data-plane/machines/network/open-dhcp.ts'
import { discArguments } from '#data-plane/machines/provisioning/disc-arguments.ts'
import { provisioningDisc } from '#data-plane/machines/provisioning/provisioning-disc.ts'
import { smbiosArguments } from '#data-plane/machines/provisioning/smbios-arguments.ts'
import { qemuArguments } from '#data-plane/machines/qemu-arguments.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { adminName } from './az-deployment.ts'
import { intervalOf, sshBanner } from './banner.ts'

const run = promisify(execFile)
const hostId = '00000000-0000-4000-8000-0000000bench'

export interface BareWish {
  readonly folder: string
  readonly accelerator: 'kvm' | 'tcg'
  readonly generation: 'V1' | 'V2'
  readonly publicKey: string
  readonly memoryMiB: number
}

/** QEMU started by hand, with the arguments that ours gets but for the disk. */
export interface BareMachines {
  /** Seconds from the start of a QEMU for each disk until the last of them names its SSH server. */
  boot(disks: readonly (readonly string[])[]): Promise<number>
  close(): Promise<void>
}

/** A raw file of the machine's own, as arguments. */
export const rawDisk = (file: string): string[] => [
  ...['-blockdev', JSON.stringify({ driver: 'file', 'node-name': 'file', filename: file })],
  ...['-blockdev', JSON.stringify({ driver: 'raw', 'node-name': 'os', file: 'file' })],
  ...['-device', 'virtio-blk-pci,drive=os,bootindex=0'],
]

/** A disk that somebody serves over NBD; what the guest writes is thrown away. */
export const servedDisk = (socketFile: string): string[] => [
  ...['-drive', `if=none,id=os,format=raw,snapshot=on,file=nbd+unix:///?socket=${socketFile}`],
  ...['-device', 'virtio-blk-pci,drive=os,bootindex=0'],
]

/** Copies of a raw image, one for each machine, holes kept. */
export const copiesOf = async (image: string, folder: string, count: number): Promise<string[]> => {
  const files = Array.from({ length: count }, (_, index) => path.join(folder, `copy-${index}.raw`))
  for (const file of files) await fs.rm(file, { force: true })
  for (const file of files) await run('cp', ['--sparse=always', image, file])
  return files
}

/** Metadata and addresses are served as ours does, so that the guests do and wait for the same. */
export const openBareMachines = async (wish: BareWish): Promise<BareMachines> => {
  const { folder } = wish
  const qemu = await findQemu()
  if ('problem' in qemu) throw new Error(qemu.problem)
  const firmware = wish.generation === 'V2' ? await findFirmware() : undefined
  if (wish.generation === 'V2' && !firmware) throw new Error('OVMF is not installed.')
  const dhcp = openDhcp(hostId, silentLog)
  const metadataSocket = path.join(folder, 'metadata')
  const metadata = http.createServer((request, response) => void request.resume().on('end', () => response.end('{}')))
  metadata.listen(metadataSocket)
  await once(metadata, 'listening')

  const start = async (spec: MachineSpec, disk: readonly string[]) => {
    const runFolder = path.join(folder, spec.id.slice(0, 8))
    await fs.mkdir(runFolder)
    await fs.writeFile(`${runFolder}/disc.iso`, provisioningDisc(spec.identity, 'with password', new Date(0)) ?? '')
    if (firmware) await fs.copyFile(firmware.variables, `${runFolder}/nvram`)
    const surroundings = [
      ...smbiosArguments(spec, 'http://169.254.169.254/'),
      ...networkArguments(spec, { metadataSocket, socat: qemu.socat, hostId }),
      ...discArguments(`${runFolder}/disc.iso`),
      ...disk,
    ]
    const launch = { accelerator: wish.accelerator, runFolder, disks: [], firmware, surroundings }
    const serial = await fs.open(`${runFolder}/serial`, 'w')
    const child = spawn(qemu.program, qemuArguments(spec, launch), { stdio: ['ignore', 'ignore', 'pipe', serial.fd] })
    await serial.close()
    let said = ''
    child.stderr?.on('data', data => {
      said += String(data)
    })
    const ended = once(child, 'exit')
    const end = async () => {
      child.kill('SIGKILL')
      await ended
      await fs.rm(runFolder, { recursive: true, force: true })
    }
    const failed = ended.then(() => Promise.reject(new Error(`QEMU ended: ${said}`)))
    failed.catch(() => {}) // it may have been ended
    return { end, failed }
  }

  return {
    async boot(disks) {
      const specs = disks.map((_, index) => specOf(wish, index))
      for (const { id, nics } of specs) await dhcp.serve(id, nics)
      const given = new AbortController()
      const begun = performance.now()
      const machines = await Promise.all(specs.map((spec, index) => start(spec, disks[index] ?? [])))
      try {
        const interval = intervalOf(disks.length)
        const answers = specs.map((_, index) => sshBanner({ address: addressOf(index) }, interval, given.signal))
        await Promise.race([Promise.all(answers), ...machines.map(({ failed }) => failed)])
        return (performance.now() - begun) / 1000
      } finally {
        given.abort()
        for (const { end } of machines) await end()
        for (const { id } of specs) await dhcp.forget(id)
      }
    },
    async close() {
      await dhcp.close()
      metadata.close()
    },
  }
}

const addressOf = (index: number) => `127.11.250.${index + 1}`

const specOf = ({ generation, memoryMiB, publicKey }: BareWish, index: number): MachineSpec => {
  const id = systemRandom.uuid()
  const number = String(index + 10)
  return {
    id,
    label: 'bare',
    cores: 1,
    memoryMiB,
    generation,
    disks: [],
    nics: [
      {
        mac: `00:0d:3a:00:00:${number}`,
        network: `bare-${number}`,
        privateAddress: '10.0.0.4',
        prefixLength: 24,
        forwards: [{ protocol: 'tcp', address: addressOf(index), port: 22 }],
      },
    ],
    identity: {
      instanceId: id,
      hostname: 'bare',
      login: {
        adminUsername: adminName,
        disablePasswordAuthentication: true,
        publicKeys: [{ path: `/home/${adminName}/.ssh/authorized_keys`, keyData: publicKey }],
      },
    },
  }
}
