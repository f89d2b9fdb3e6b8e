import { usageError } from '../failure.ts'

export interface TargetRegion {
  readonly name: string
  readonly regionalReplicaCount: number
}

/** `eastus=2,westeurope` */
export const parseRegions = (text: string): TargetRegion[] => {
  const regions = text.split(',').map(part => {
    const [name = '', count = '1', ...rest] = part.trim().split('=')
    if (!name || rest.length > 0 || !/^[1-9][0-9]{0,2}$/.test(count))
      throw usageError(`'${part}' is not a region.`, 'Write --regions like this: eastus=2,westeurope')
    return { name: shortName(name), regionalReplicaCount: Number(count) }
  })
  const twice = regions.find((region, at) => regions.findIndex(({ name }) => name === region.name) !== at)
  if (twice) throw usageError(`The region ${twice.name} is named twice.`)
  return regions
}

/** Azure's short form of a region: `West US 2` is `westus2`. */
export const shortName = (name: string): string => name.replaceAll(' ', '').toLowerCase()
