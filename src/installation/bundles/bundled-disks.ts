import type { BundledDisk as Disk } from '#providers/Microsoft.Compute/compute-parts.ts'

/** The disks that a running import has received, by the URIs under which versions name them as their sources. */
export interface BundledDisks {
  find(uri: string): Disk | undefined
  /** Offers a disk while `work` runs. */
  with<T>(disks: ReadonlyMap<string, Disk>, work: () => Promise<T>): Promise<T>
}

export const bundledDisks = (): BundledDisks => {
  const offered = new Map<string, Disk>()
  return {
    find: uri => offered.get(uri),
    async with(disks, work) {
      for (const [uri, disk] of disks) offered.set(uri, disk)
      try {
        return await work()
      } finally {
        for (const uri of disks.keys()) offered.delete(uri)
      }
    },
  }
}
