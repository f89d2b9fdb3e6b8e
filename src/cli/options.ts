import { Option } from 'commander'
import { usageError } from './failure.ts'

export const dataOption = (): Option =>
  new Option('--data <folder>', 'data folder of the server (default: $OPENGALLERY_DATA or ./opengallery-data)')

export const jsonOption = (): Option => new Option('--json', 'print one JSON object, for scripts')

/** A whole number in a range, or a usage error that names the option. */
export const numberIn =
  (name: string, minimum: number, maximum: number) =>
  (text: string): number => {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw usageError(`${name} takes a number from ${minimum} to ${maximum}, not '${text}'.`)
  }
