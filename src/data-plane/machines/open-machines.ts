import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { MachineParts } from './machine-parts.ts'
import type { Machines } from './machines.ts'
import { QemuMachines } from './qemu-machines.ts'
import { hostSecrets } from './surroundings.ts'

/** The user of nobody's: the number needs no name. */
const usualUid = 64_130

/** The machines of this host. Those that run are found again; without QEMU there are none, and `host` says what to install. */
export const openMachines = async (parts: MachineParts): Promise<Machines> => {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? (parts.user ?? { uid: usualUid, gid: usualUid, groups: await kvmGroup() }) : undefined
  for (const name of ['', 'guests', 'disks', 'origins', 'captures']) {
    await fs.mkdir(path.join(parts.folder, name), { recursive: true })
    await fs.chmod(path.join(parts.folder, name), 0o711) // QEMU finds what it is told of, and can look for nothing else
  }
  // Captures are read right after they are made, and those of an earlier run by nobody. Copies that it began are begun anew.
  await removeFrom(path.join(parts.folder, 'captures'), () => true)
  await removeFrom(path.join(parts.folder, 'origins'), name => /\.draft(\.partial)?$/.test(name))
  const machines = new QemuMachines(parts, user, await hostSecrets(parts))
  await machines.reopen()
  return machines
}

const removeFrom = async (folder: string, isLeft: (name: string) => boolean): Promise<void> => {
  for (const name of await fs.readdir(folder)) if (isLeft(name)) await fs.rm(path.join(folder, name), { force: true })
}

/** Whoever is in the group of /dev/kvm may use it. */
const kvmGroup = async (): Promise<number[]> => {
  const status = await fs.stat('/dev/kvm').catch(() => undefined)
  return status && status.gid !== 0 && (status.mode & 0o060) === 0o060 ? [status.gid] : []
}
