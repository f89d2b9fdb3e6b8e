import type { HyperVGeneration } from './machine-document.ts'

/** What a machine of a size gets, and how its quota is called. */
export interface VmSize {
  /** `Standard_D2s_v5` */
  readonly name: string
  /** `standardDSv5Family` */
  readonly family: string
  readonly cores: number
  readonly memoryMiB: number
  readonly maxDataDisks: number
  readonly maxNics: number
  /** Generations of images that it boots. */
  readonly generations: readonly HyperVGeneration[]
  /** Of the temporary disk in Azure; there is none here. */
  readonly resourceDiskMiB: number
  readonly hasPremiumStorage: boolean
}

interface Series {
  readonly family: string
  /** `*` stands for the number. */
  readonly name: string
  readonly generations?: readonly HyperVGeneration[]
  /** GiB of memory for each core. */
  readonly memoryPerCore: number
  readonly cores: readonly number[]
}

const both = ['V1', 'V2'] as const
const first = ['V1'] as const
const upTo64 = [2, 4, 8, 16, 32, 48, 64]
const upTo96 = [...upTo64, 96]

// learn.microsoft.com, sizes for virtual machines: the series of general use for x64.
const series: readonly Series[] = [
  ...['D*s_v3 DSv3', 'D*_v4 Dv4', 'D*s_v4 DSv4', 'D*d_v4 DDv4', 'D*ds_v4 DDSv4'].map(each => general(each, upTo64)),
  { ...general('D*_v3 Dv3', upTo64), generations: first },
  { ...general('D*a_v4 DAv4', upTo96), generations: first },
  ...['D*as_v4 DASv4', 'D*_v5 Dv5', 'D*s_v5 DSv5', 'D*d_v5 DDv5', 'D*ds_v5 DDSv5'].map(each => general(each, upTo96)),
  ...['D*as_v5 DASv5', 'D*ads_v5 DADSv5'].map(each => general(each, upTo96)),
  { ...general('E*_v3 Ev3', [2, 4, 8, 16, 20, 32, 48, 64], 8), generations: first },
  ...['E*s_v3 ESv3', 'E*_v4 Ev4', 'E*s_v4 ESv4', 'E*d_v4 EDv4', 'E*ds_v4 EDSv4'].map(each =>
    general(each, [2, 4, 8, 16, 20, 32, 48, 64], 8),
  ),
  ...['E*as_v4 EASv4', 'E*_v5 Ev5', 'E*s_v5 ESv5', 'E*ds_v5 EDSv5', 'E*as_v5 EASv5', 'E*ads_v5 EADSv5'].map(each =>
    general(each, [2, 4, 8, 16, 20, 32, 48, 64, 96], 8),
  ),
  general('F*s_v2 FSv2', [2, 4, 8, 16, 32, 48, 64, 72], 2),
  ...['L*s_v2 LSv2', 'L*s_v3 LSv3'].map(each => general(each, [8, 16, 32, 48, 64, 80], 8)),
]

function general(names: string, cores: readonly number[], memoryPerCore = 4): Series {
  const [name = '', family = ''] = names.split(' ')
  return { family: `standard${family}Family`, name: `Standard_${name}`, memoryPerCore, cores }
}

/** In these series v3 and v4 of 64 cores with 8 GiB for each have less than 64 times that. */
const memoryGiB = ({ name, memoryPerCore }: Series, cores: number): number => {
  if (name.startsWith('Standard_E') && cores === 96) return 672
  if (/^Standard_E.*_v3$/.test(name) && cores === 64) return 432
  if (/^Standard_E[*]d?s?_v4$/.test(name) && cores === 64) return 504
  return memoryPerCore * cores
}

const inSeries: readonly VmSize[] = series.flatMap(each =>
  each.cores.map(cores => ({
    name: each.name.replace('*', String(cores)),
    family: each.family,
    cores,
    memoryMiB: memoryGiB(each, cores) * 1024,
    maxDataDisks: Math.min(32, cores * 2),
    maxNics: Math.min(8, Math.max(2, cores / 2)),
    generations: each.generations ?? both,
    resourceDiskMiB: /d?a?ds?_v[45]|_v3|F/.test(each.name) ? cores * 16 * 1024 : 0,
    hasPremiumStorage: /s_v/.test(each.name),
  })),
)

/** Sizes of no regular series: name, family, cores, GiB of memory, data disks, generations. */
const irregular: readonly (readonly [string, string, number, number, number, readonly HyperVGeneration[]])[] = [
  ['B1ls', 'BS', 1, 0.5, 2, both],
  ['B1s', 'BS', 1, 1, 2, both],
  ['B1ms', 'BS', 1, 2, 2, both],
  ['B2s', 'BS', 2, 4, 4, both],
  ['B2ms', 'BS', 2, 8, 4, both],
  ['B4ms', 'BS', 4, 16, 8, both],
  ['B8ms', 'BS', 8, 32, 16, both],
  ['B12ms', 'BS', 12, 48, 16, both],
  ['B16ms', 'BS', 16, 64, 32, both],
  ['B20ms', 'BS', 20, 80, 32, both],
  ['B2ts_v2', 'Bsv2', 2, 1, 4, both],
  ['B2ls_v2', 'Bsv2', 2, 4, 4, both],
  ['B2s_v2', 'Bsv2', 2, 8, 4, both],
  ['B4ls_v2', 'Bsv2', 4, 8, 8, both],
  ['B4s_v2', 'Bsv2', 4, 16, 8, both],
  ['B8ls_v2', 'Bsv2', 8, 16, 16, both],
  ['B8s_v2', 'Bsv2', 8, 32, 16, both],
  ['B16s_v2', 'Bsv2', 16, 64, 32, both],
  ['B32s_v2', 'Bsv2', 32, 128, 32, both],
  ['A1_v2', 'Av2', 1, 2, 2, first],
  ['A2_v2', 'Av2', 2, 4, 4, first],
  ['A4_v2', 'Av2', 4, 8, 8, first],
  ['A8_v2', 'Av2', 8, 16, 16, first],
  ['D1_v2', 'Dv2', 1, 3.5, 4, first],
  ['D2_v2', 'Dv2', 2, 7, 8, first],
  ['D3_v2', 'Dv2', 4, 14, 16, first],
  ['D4_v2', 'Dv2', 8, 28, 32, first],
  ['D5_v2', 'Dv2', 16, 56, 64, first],
  ['DS1_v2', 'DSv2', 1, 3.5, 4, both],
  ['DS2_v2', 'DSv2', 2, 7, 8, both],
  ['DS3_v2', 'DSv2', 4, 14, 16, both],
  ['DS4_v2', 'DSv2', 8, 28, 32, both],
  ['DS5_v2', 'DSv2', 16, 56, 64, both],
  ['F1', 'F', 1, 2, 4, first],
  ['F2', 'F', 2, 4, 8, first],
  ['F4', 'F', 4, 8, 16, first],
  ['F8', 'F', 8, 16, 32, first],
  ['F16', 'F', 16, 32, 64, first],
  ['F1s', 'FS', 1, 2, 4, both],
  ['F2s', 'FS', 2, 4, 8, both],
  ['F4s', 'FS', 4, 8, 16, both],
  ['F8s', 'FS', 8, 16, 32, both],
  ['F16s', 'FS', 16, 32, 64, both],
]

/** Every size that there is, in the order in which Azure's lists have them: by name within a series. */
export const vmSizes: readonly VmSize[] = [
  ...irregular.map(([name, family, cores, gibibytes, maxDataDisks, generations]) => ({
    name: `Standard_${name}`,
    family: `standard${family}Family`,
    cores,
    memoryMiB: gibibytes * 1024,
    maxDataDisks,
    maxNics: Math.min(8, Math.max(2, cores)),
    generations,
    resourceDiskMiB: cores * 4 * 1024,
    hasPremiumStorage: /^(B|DS|F\d+s)/.test(name),
  })),
  ...inSeries,
]

const byName = new Map(vmSizes.map(size => [size.name.toLowerCase(), size]))

/** A size by its name in any case. */
export const findVmSize = (name: string): VmSize | undefined => byName.get(name.toLowerCase())
