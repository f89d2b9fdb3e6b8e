// learn.microsoft.com: managed disk types, Premium SSD sizes: the largest size in GiB of each tier.
const tiers = [
  [4, 'P1'],
  [8, 'P2'],
  [16, 'P3'],
  [32, 'P4'],
  [64, 'P6'],
  [128, 'P10'],
  [256, 'P15'],
  [512, 'P20'],
  [1024, 'P30'],
  [2048, 'P40'],
  [4096, 'P50'],
  [8192, 'P60'],
  [16_384, 'P70'],
  [32_767, 'P80'],
] as const

/** The tier that a premium disk has by its size; other disks have none. */
export const baselineTier = (skuName: string, sizeGB: number): string | undefined =>
  skuName.startsWith('Premium_') ? (tiers.find(([largestGB]) => sizeGB <= largestGB)?.[1] ?? 'P80') : undefined
