import type { StoredDisk, StoredDisks } from '../../../stored-disk.ts'

/** The disks of a version with the slot that names each one's hold. */
export const disksBySlot = ({
  os,
  data,
}: StoredDisks): readonly { readonly slot: 'os' | number; readonly disk: StoredDisk }[] => [
  ...(os ? [{ slot: 'os' as const, disk: os }] : []),
  ...data.map(({ lun, manifest, sizeBytes }) => ({ slot: lun, disk: { manifest, sizeBytes } })),
]
