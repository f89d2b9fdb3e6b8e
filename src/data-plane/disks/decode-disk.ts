import { type SparseBytes, sliceOf } from '#foundation/sparse-bytes.ts'
import { openDynamicVhd } from './dynamic-vhd.ts'
import { isAzureAligned, requireFixedVhdSize, vhdFooterOf } from './fixed-vhd.ts'
import { UnsupportedDisk } from './hostile-disk.ts'

export interface DecodedVhd {
  /** The disk in the VHD. Closing it closes the file. */
  readonly image: SparseBytes
  readonly kind: 'fixed' | 'dynamic'
  readonly imageSizeBytes: number
  /** Azure accepts only whole MiB. */
  readonly isWholeMebibytes: boolean
}

/**
 * The disk in a VHD. Throws `HostileDisk` or `UnsupportedDisk`. The footer alone decides: what a guest wrote into its first sectors
 * never changes how its disk is read.
 */
export const decodeVhd = async (file: SparseBytes): Promise<DecodedVhd> => {
  const footer = await vhdFooterOf(file)
  if (!footer)
    throw new UnsupportedDisk(
      'The file has no VHD footer at its end: it is no VHD, or the upload was cut short. Convert it to a fixed VHD first.',
    )
  const kind = footer.kind === 'fixed' ? 'fixed' : 'dynamic' // differencing ones are refused with the dynamic ones
  if (kind === 'fixed') requireFixedVhdSize(file, footer)
  const image = kind === 'fixed' ? sliceOf(file, 0, footer.imageSizeBytes) : await openDynamicVhd(file)
  return { image, kind, imageSizeBytes: image.sizeBytes, isWholeMebibytes: isAzureAligned(image.sizeBytes) }
}
