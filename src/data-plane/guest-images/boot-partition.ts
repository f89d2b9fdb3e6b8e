import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { runTool } from './run-tool.ts'

export interface BootWish {
  readonly sizeMiB: number
  /** Where the partition begins on its disk: its boot sector must know. */
  readonly firstSector: number
  readonly label: string
  readonly kernel: string
  readonly initramfs: Uint8Array
  readonly kernelArguments: string
  /** The boot loader for UEFI. */
  readonly efiLoader: string
  readonly timeSeconds: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A FAT file system from which a machine boots by BIOS (SYSLINUX) and by UEFI (systemd-boot): one kernel and one initial file
 * system for both. SYSLINUX is installed into the file, no device is involved.
 */
export const writeBootPartition = async (file: string, wish: BootWish): Promise<void> => {
  const { sizeMiB, firstSector, label, timeSeconds, signal } = wish
  const folder = await fs.mkdtemp(`${file}-files-`)
  const env = { SOURCE_DATE_EPOCH: String(timeSeconds), MTOOLS_SKIP_CHECK: '1' }
  const time = new Date(timeSeconds * 1000)
  const put = async (name: string, content: Uint8Array | string) => {
    const place = path.join(folder, path.basename(name))
    await fs.writeFile(place, content)
    await fs.utimes(place, time, time)
    await runTool('mcopy', ['-m', '-i', file, place, `::${name}`], { env, signal })
  }
  try {
    const geometry = ['-F', '16', '-n', label, '-h', String(firstSector), '-i', '74696e79', '--invariant']
    await runTool('mkfs.fat', [...geometry, '-C', file, String(sizeMiB * 1024)], { env, signal })
    await runTool('syslinux', ['--install', file], { env, signal })
    await runTool('mmd', ['-i', file, '::EFI', '::EFI/BOOT', '::loader', '::loader/entries'], { env, signal })
    await put('vmlinuz', await fs.readFile(wish.kernel))
    await put('initrd.img', wish.initramfs)
    await put('syslinux.cfg', syslinuxSettings(wish.kernelArguments))
    await put('EFI/BOOT/BOOTX64.EFI', await fs.readFile(wish.efiLoader))
    await put('loader/loader.conf', 'timeout 0\ndefault linux.conf\neditor no\n')
    await put('loader/entries/linux.conf', bootEntry(wish.kernelArguments))
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

const syslinuxSettings = (kernelArguments: string): string =>
  [
    'DEFAULT linux',
    'PROMPT 0',
    'LABEL linux',
    ' KERNEL vmlinuz',
    ' INITRD initrd.img',
    ` APPEND ${kernelArguments}`,
    '',
  ].join('\n')

const bootEntry = (kernelArguments: string): string =>
  ['title Linux', 'linux /vmlinuz', 'initrd /initrd.img', `options ${kernelArguments}`, ''].join('\n')
