import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles, readWhole, replaceFile } from '#foundation/files.ts'
import type { Log } from '#foundation/log.ts'
import type { Installed } from './find-qemu.ts'
import { hostBootId } from './guests.ts'
import { within } from './json-lines.ts'
import { cpuOf } from './qemu-arguments.ts'
import { asUser, type Unprivileged } from './supervise.ts'

/**
 * A boot sector that does what kernels do first: page tables, long mode, and then 20,000 rounds of forgetting all translations, writing and
 * reading memory, and leaving the guest. It reports to the debugging port that QEMU ends by. Where KVM is hardware this takes no
 * time; where it is imitated by software and hardly works, it takes longer than emulation, or never ends.
 */
const probe = [
  'fa31c08ed88ec08ed0bc007cfc', //                         segments and stack
  'bf0010b90018f3ab', //                                   three empty page tables at 0x1000
  'c70600100320c70600200330c70600308300', //               that map the first 2 MiB to themselves
  '0f0116987c0f20e00c200f22e0', //                         lgdt, CR4.PAE
  '66b8001000000f22d866b9800000c00f3280cc010f30', //       CR3, EFER.LME
  '0f20c0660d010000800f22c0ea5b7c0800', //                 CR0.PG and PE, jump into long mode
  'b9204e00000f20d80f22d8', //                             20,000 times: CR3 to itself,
  '48890ccd00800000488b04cd008000004839c17508', //         memory written and read,
  'e461e2e1', //                                           port 0x61
  'b02ae6f4f4ebfd', //                                     0x2a to port 0xf4; halt
  '6690000000000000000000000000009a20000f00887c0000', //   GDT
].join('')
const codeOfSuccess = (0x2a << 1) | 1
const probeBytes = 2 ** 20 // firmware boots from no smaller disk
const limitMs = 10_000
/** Why KVM can't be used may pass: the module comes, the group is given, a host has more time. */
const againMs = 600_000

type Accelerator = 'kvm' | 'tcg'

interface Parts {
  readonly folder: string
  readonly user: Unprivileged | undefined
  readonly clock: Clock
  readonly log: Log
}

interface Known {
  readonly bootId: string
  readonly version: string
  readonly accelerator: Accelerator
  readonly triedAt: string
}

/**
 * Whether guests really run under KVM here, found out by one that does; remembered until the host or QEMU is another, and that they
 * don't for a while only.
 */
export const findAccelerator = async (qemu: Installed, parts: Parts): Promise<Accelerator> => {
  const file = path.join(parts.folder, 'accelerator.json')
  const on = { bootId: await hostBootId(), version: qemu.version }
  const now = parts.clock.now()
  const known = (await nodeFiles.exists(file))
    ? (JSON.parse((await readWhole(nodeFiles, file)).toString()) as Known)
    : undefined
  const isHere = known?.bootId === on.bootId && known.version === on.version
  if (isHere && (known.accelerator === 'kvm' || now.getTime() - Date.parse(known.triedAt) < againMs))
    return known.accelerator
  const problem = await tryKvm(qemu, parts)
  const accelerator = problem ? 'tcg' : 'kvm'
  if (problem) parts.log.warn(`Machines are emulated, which is slow: ${problem}`)
  const found: Known = { ...on, accelerator, triedAt: now.toISOString() }
  await replaceFile(nodeFiles, file, Buffer.from(JSON.stringify(found)))
  return accelerator
}

/** Why KVM can't be used, if it can't. */
const tryKvm = async (qemu: Installed, { folder, user, clock }: Parts): Promise<string | undefined> => {
  if (!(await nodeFiles.exists('/dev/kvm'))) return 'there is no /dev/kvm.'
  const disk = path.join(folder, 'probe.raw')
  await fs.writeFile(disk, probeSector())
  await fs.truncate(disk, probeBytes)
  await fs.chmod(disk, 0o444)
  const [program = '', ...args] = [...(user ? asUser(user) : []), qemu.program, ...probeArguments]
  const child = spawn(program, args, { cwd: folder, stdio: 'ignore', env: { PATH: process.env.PATH } })
  const ended = new Promise<number>(resolve => {
    child.once('error', () => resolve(-1))
    child.once('exit', code => resolve(code ?? -1))
  })
  const code = await within(clock, limitMs, ended)
  child.kill('SIGKILL')
  if (code === codeOfSuccess) return undefined
  if (code === undefined) return `a guest that does next to nothing took longer than ${limitMs / 1000} s under KVM.`
  return 'no guest starts under KVM (is /dev/kvm open to the group kvm, and is this host itself a virtual machine?).'
}

const probeArguments = [
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-machine', 'q35', '-m', '32'],
  ...['-accel', 'kvm', '-cpu', cpuOf('kvm'), '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
  ...['-drive', 'file=probe.raw,format=raw,if=virtio,readonly=on'],
]

const probeSector = (): Buffer => {
  const sector = Buffer.alloc(512)
  sector.write(probe, 'hex')
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}
