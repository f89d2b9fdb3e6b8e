import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import { bootPackages, rootMiBOf, writeBootableDisk } from './bootable-disk.ts'
import { dependencyOf, unpackPackages } from './debian-packages.ts'
import { type Kernel, kernelOf, modulesInOrder, placeModules } from './kernel-modules.ts'
import { StagedTree } from './staged-tree.ts'
import { bootModules, tinyRoot, tinyRootPackages } from './tiny-root.ts'
import { cpioOf } from './write-cpio.ts'
import { writeExt4 } from './write-ext4.ts'

export interface BuildWish {
  /** Packages stay here for the next time. */
  readonly cacheFolder: string
  /** Told what is being done. */
  readonly say?: (what: string) => void
  readonly signal?: AbortSignal | undefined
}

/** Of everything in the image: the same packages make the same bytes. */
const timeSeconds = 1_700_000_000
const plan = { sizeMiB: 1024, bootMiB: 24, diskId: 0x74696e79 }

const kernelArguments = 'console=tty0 console=ttyS0,115200 tsc=reliable no_timer_check random.trust_cpu=on'

/**
 * Builds the tiny image: a Linux of Debian's own binaries that boots in seconds by BIOS and by UEFI, is provisioned like a machine on
 * Azure, and is small enough for tests. A raw disk of 1 GiB, most of it holes. As an ordinary user, without devices. Throws
 * `ToolMissing`, `PackageMissing`, `ToolFailed`; the file is there whole, or not at all.
 */
export const buildTiny = async (file: string, { cacheFolder, say = () => {}, signal }: BuildWish): Promise<void> => {
  const scratch = await fs.mkdtemp(`${file}-build-`)
  try {
    say('getting Debian packages')
    const kernelPackage = await dependencyOf('linux-image-cloud-amd64', /^linux-image-\d/, signal)
    const wanted = [...tinyRootPackages, ...bootPackages, kernelPackage]
    const packages = await unpackPackages(wanted, { cacheFolder, signal })
    const place = (name: string, ...more: string[]) => path.join(packages.get(name) ?? '', ...more)

    say('laying out the file systems')
    const kernel = await kernelOf(place(kernelPackage))
    const root = path.join(scratch, 'root.ext4')
    const busybox = place('busybox-static', 'bin/busybox')
    const tree = await tinyRoot(packages, kernel, signal)
    const shared = { timeSeconds, signal }
    await writeExt4(root, tree, {
      ...shared,
      label: 'tinyroot',
      sizeMiB: rootMiBOf(plan),
      uuid: '74696e79-0000-4000-8000-726f6f740000',
    })

    say('writing the disk')
    const boot = {
      ...shared,
      label: 'TINYBOOT',
      kernel: kernel.image,
      initramfs: await initramfs(kernel, busybox),
      kernelArguments,
    }
    await writeBootableDisk(file, { plan, root, boot, packages, scratch })
  } finally {
    await fs.rm(scratch, { recursive: true, force: true })
  }
}

/** The first file system: enough to find the disk and make the root file system as large as it. */
const initramfs = async ({ modules }: Kernel, busybox: string): Promise<Buffer> => {
  const tree = new StagedTree()
  for (const folder of ['/dev', '/proc', '/sys', '/new']) tree.folder(folder)
  await tree.copy(busybox, '/bin/busybox')
  await tree.copy(path.join(import.meta.dirname, 'tiny/initramfs-init'), '/init', 0o755)
  placeModules(tree, '/modules', await modulesInOrder(modules, bootModules))
  return gzipSync(cpioOf(tree), { level: 9 })
}
