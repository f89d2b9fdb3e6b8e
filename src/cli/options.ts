import { Option } from 'commander'
import { usageError } from './failure.ts'

export const dataOption = (): Option =>
  new Option('--data <folder>', 'data folder of the server (default: $OPENGALLERY_DATA or ./opengallery-data)')

export const jsonOption = (): Option => new Option('--json', 'print one JSON object, for scripts')

const sizeUnits = ['', 'K', 'M', 'G', 'T'] as const

/** `512M`, `20G` or bytes, in units of 1024, or a usage error that names the option. */
export const sizeOf =
  (name: string) =>
  (text: string): number => {
    const [, digits, unit = ''] = /^([0-9]{1,12})([KMGT]?)B?$/i.exec(text) ?? []
    if (digits !== undefined)
      return Number(digits) * 1024 ** sizeUnits.indexOf(unit.toUpperCase() as (typeof sizeUnits)[number])
    throw usageError(`${name} takes a size such as 512M or 20G, not '${text}'.`)
  }

/** A whole number in a range, or a usage error that names the option. */
export const numberIn =
  (name: string, minimum: number, maximum: number) =>
  (text: string): number => {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw usageError(`${name} takes a number from ${minimum} to ${maximum}, not '${text}'.`)
  }
