import { execFile } from 'node:child_process'
import * as path from 'node:path'
import { promisify } from 'node:util'
import { nodeFiles } from '#foundation/files.ts'
import type { Firmware } from './qemu-arguments.ts'

const run = promisify(execFile)

const qemu = 'qemu-system-x86_64'

export interface Installed {
  readonly program: string
  readonly version: string
  /** By its absolute path. */
  readonly socat: string
}

/** The QEMU of this host, or what to do to have one. */
export const findQemu = async (): Promise<Installed | { readonly problem: string }> => {
  for (const [program, of] of [
    [qemu, 'qemu-system-x86 (Debian, Ubuntu), qemu-system-x86-core (Fedora) or qemu-system-x86_64 (Alpine)'],
    ['setpriv', 'util-linux'],
    ['prlimit', 'util-linux'],
    ['socat', 'socat'],
  ] as const)
    if (!(await pathOf(program)))
      return { problem: `${program} is not installed, so that no virtual machine can run. Install the package ${of}.` }
  const version = /version (\d+(?:\.\d+)+)/.exec((await versionOf(qemu)) ?? '')?.[1] ?? 'unknown'
  return { program: qemu, version, socat: (await pathOf('socat')) ?? '' }
}

const pathOf = async (program: string): Promise<string | undefined> => {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const file = path.join(folder, program)
    if (path.isAbsolute(file) && (await nodeFiles.exists(file))) return file
  }
  return undefined
}

const versionOf = async (program: string): Promise<string | undefined> => {
  try {
    return (await run(program, ['--version'], { timeout: 20_000 })).stdout
  } catch {
    return undefined
  }
}

const firmwares: readonly Firmware[] = [
  ['OVMF/OVMF_CODE_4M.fd', 'OVMF/OVMF_VARS_4M.fd'], // Debian, Ubuntu
  ['OVMF/OVMF_CODE.fd', 'OVMF/OVMF_VARS.fd'],
  ['edk2/ovmf/OVMF_CODE.fd', 'edk2/ovmf/OVMF_VARS.fd'], // Fedora
  ['edk2/x64/OVMF_CODE.4m.fd', 'edk2/x64/OVMF_VARS.4m.fd'], // Arch
].map(([code, variables]) => ({ code: `/usr/share/${code}`, variables: `/usr/share/${variables}` }))

/** UEFI for machines of generation V2. */
export const findFirmware = async (): Promise<Firmware | undefined> => {
  for (const firmware of firmwares)
    if ((await nodeFiles.exists(firmware.code)) && (await nodeFiles.exists(firmware.variables))) return firmware
  return undefined
}
