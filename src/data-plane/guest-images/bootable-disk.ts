import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type BootWish, writeBootPartition } from './boot-partition.ts'
import { writePartitionedDisk } from './partitioned-disk.ts'

/** How large the disk and its boot partition are; the root file system has the rest. */
export interface DiskPlan {
  readonly sizeMiB: number
  readonly bootMiB: number
  readonly diskId: number
}

export interface BootableDiskWish {
  readonly plan: DiskPlan
  /** The root file system, in a file of `rootMiBOf` the plan. */
  readonly root: string
  readonly boot: Omit<BootWish, 'sizeMiB' | 'firstSector' | 'efiLoader'>
  /** The folders of the unpacked `bootPackages`. */
  readonly packages: ReadonlyMap<string, string>
  /** A folder for what is made on the way. */
  readonly scratch: string
}

/** What boots by BIOS, and by UEFI. */
export const bootPackages = ['syslinux-common', 'systemd-boot-efi']

const bootFirstMiB = 1
const sectorsPerMiB = 2048

export const rootMiBOf = ({ sizeMiB, bootMiB }: DiskPlan): number => sizeMiB - bootFirstMiB - bootMiB

/** A raw disk of a boot partition and a root file system that BIOS and UEFI boot. It is there whole, or not at all. */
export const writeBootableDisk = async (file: string, wish: BootableDiskWish): Promise<void> => {
  const { plan, root, packages, scratch } = wish
  const place = (name: string, below: string) => path.join(packages.get(name) ?? '', below)
  const boot = path.join(scratch, 'boot.fat')
  await writeBootPartition(boot, {
    ...wish.boot,
    sizeMiB: plan.bootMiB,
    firstSector: bootFirstMiB * sectorsPerMiB,
    efiLoader: place('systemd-boot-efi', 'usr/lib/systemd/boot/efi/systemd-bootx64.efi'),
  })
  const rootFirstMiB = bootFirstMiB + plan.bootMiB
  await writePartitionedDisk(file, {
    bootCode: await fs.readFile(place('syslinux-common', 'usr/lib/syslinux/mbr/mbr.bin')),
    diskId: plan.diskId,
    sizeBytes: plan.sizeMiB * 2 ** 20,
    partitions: [
      { file: boot, firstSector: bootFirstMiB * sectorsPerMiB, type: 0xef, isActive: true },
      { file: root, firstSector: rootFirstMiB * sectorsPerMiB, type: 0x83, isActive: false },
    ],
  })
}
