import type { SparseBytes } from '#foundation/sparse-bytes.ts'

/** The generation of virtual machine that a disk is made for: V2 starts from a GUID partition table, V1 from a boot sector. */
export const firmwareOf = async (image: SparseBytes): Promise<'V1' | 'V2'> => {
  for (const sectorBytes of [512, 4096]) {
    const header = Buffer.alloc(8)
    if (image.sizeBytes >= sectorBytes + header.length) await image.read(sectorBytes, header)
    if (header.toString('latin1') === 'EFI PART') return 'V2'
  }
  return 'V1'
}
