import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { bootPackages, rootMiBOf, writeBootableDisk } from './bootable-disk.ts'
import type { BuildWish } from './build-tiny.ts'
import { unpackPackages } from './debian-packages.ts'
import { thisRelease } from './debian-release.ts'
import { debianArguments, rootLabel } from './debian-root.ts'
import { requireTools, runTool } from './run-tool.ts'

const plan = { sizeMiB: 2048, bootMiB: 96, diskId: 0x64656269 }

const kernelArguments = [
  `root=LABEL=${rootLabel} ro console=tty0 console=ttyS0,115200`,
  'tsc=reliable no_timer_check random.trust_cpu=on',
].join(' ')

const ownFiles = path.join(import.meta.dirname, 'debian')

/**
 * Builds a full Debian of this machine's own release, with cloud-init, that boots by BIOS and by UEFI: a raw disk of 2 GiB, most of it
 * holes. As root, or as an ordinary user in a user namespace; without devices and mounts of this machine. Throws `ToolMissing`,
 * `PackageMissing`, `ToolFailed`; the file is there whole, or not at all.
 */
export const buildDebian = async (file: string, { cacheFolder, say = () => {}, signal }: BuildWish): Promise<void> => {
  await requireTools(tools())
  const scratch = await fs.mkdtemp(`${file}-build-`)
  try {
    const release = await thisRelease(signal)
    const packages = await unpackPackages(bootPackages, { cacheFolder, signal })

    say(`installing Debian ${release.suite} into a folder, which takes minutes`)
    const archive = path.join(scratch, 'root.tar')
    const onLine = (line: string) => say(line.replace(/^I: /, ''))
    await runTool('mmdebstrap', debianArguments({ ...release, archive }), { onLine, signal })

    say('laying out the file systems')
    const root = path.join(scratch, 'root.ext4')
    await writeRoot(archive, root, scratch, signal)
    const { kernel, initramfs } = await bootFilesOf(archive, scratch, signal)

    say('writing the disk')
    const boot = {
      label: 'DEBIANBOOT',
      kernel,
      initramfs: await fs.readFile(initramfs),
      kernelArguments,
      timeSeconds: Math.trunc((await fs.stat(kernel)).mtimeMs / 1000),
      signal,
    }
    await writeBootableDisk(file, { plan, root, boot, packages, scratch })
  } finally {
    await fs.rm(scratch, { recursive: true, force: true })
  }
}

const isRoot = (): boolean => process.getuid?.() === 0

const tools = (): readonly string[] => {
  const always = ['mmdebstrap', 'mke2fs', 'mkfs.fat', 'mcopy', 'syslinux', 'tar']
  return isRoot() ? always : [...always, 'unshare', 'newuidmap']
}

/** Owners are of the image: only root, or a namespace in which we are root and have the other users, can write them. */
const writeRoot = async (archive: string, file: string, scratch: string, signal: AbortSignal | undefined) => {
  const script = path.join(ownFiles, 'write-root.sh')
  const sizes = [String(rootMiBOf(plan)), rootLabel]
  const command = [script, archive, path.join(ownFiles, 'rootfs'), path.join(scratch, 'tree'), file, ...sizes]
  if (isRoot()) await runTool('sh', command, { signal })
  else await runTool('unshare', ['--map-root-user', '--map-auto', '--', 'sh', ...command], { signal })
}

const bootFilesOf = async (archive: string, scratch: string, signal: AbortSignal | undefined) => {
  const wanted = ['./boot/vmlinuz-*', './boot/initrd.img-*']
  await runTool('tar', ['-C', scratch, '--no-same-owner', '-xf', archive, '--wildcards', ...wanted], { signal })
  const folder = path.join(scratch, 'boot')
  const names = await fs.readdir(folder)
  const found = (start: string): string => {
    const name = names.find(name => name.startsWith(start))
    if (name === undefined) throw new Error(`The new Debian has no /boot/${start}*.`)
    return path.join(folder, name)
  }
  return { kernel: found('vmlinuz-'), initramfs: found('initrd.img-') }
}
