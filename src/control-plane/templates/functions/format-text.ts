import type { Json } from '#resources/resource-document.ts'
import { fault } from '../template-fault.ts'

const MAX_WIDTH = 1000

/** .NET's composite formatting, `'{0} of {1,5:D3}'`, for text and whole numbers. Throws a `TemplateFault`. */
export const formatText = (pattern: string, values: readonly Json[]): string =>
  pattern.replaceAll(/\{\{|\}\}|\{(\d{1,5})(?:,(-?\d{1,5}))?(?::([^{}]*))?\}|[{}]/g, (found, index, width, format) => {
    if (found === '{{' || found === '}}') return found.charAt(0)
    if (index === undefined) throw fault.value('format', 'the format string has an unmatched brace.')
    const value = values[Number(index)]
    if (value === undefined)
      throw fault.value('format', `the format string names the argument ${index}, which is not there.`)
    return aligned(formatted(value, format), Number(width ?? 0))
  })

const aligned = (text: string, width: number): string => {
  if (Math.abs(width) > MAX_WIDTH) throw fault.value('format', `a width must not exceed ${MAX_WIDTH}.`)
  return width < 0 ? text.padEnd(-width) : text.padStart(width)
}

const formatted = (value: Json, format: string | undefined): string => {
  if (typeof value === 'number') return formatNumber(value, format)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)
}

/** The standard forms of whole numbers: D, G, N, F, X, P, each with an optional precision; and patterns of zeros. */
const formatNumber = (value: number, format: string | undefined): string => {
  if (format === undefined || format === '') return String(value)
  if (/^0+$/.test(format) && format.length <= 100) return padded(value, format.length)
  const [, letter = '', digits] = /^([dgnfxp])(\d{0,2})$/i.exec(format) ?? []
  const precision = digits ? Number(digits) : undefined
  const grouped = (number: number, places: number) =>
    number.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places })
  switch (letter.toUpperCase()) {
    case 'D':
      return padded(value, precision ?? 0)
    case 'G':
      return String(value)
    case 'N':
      return grouped(value, precision ?? 2)
    case 'P':
      return `${grouped(value * 100, precision ?? 2)}%`
    case 'F':
      return value.toFixed(precision ?? 2)
    case 'X': {
      const hex = (value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(Math.trunc(value))).toString(16)
      return (letter === 'X' ? hex.toUpperCase() : hex).padStart(precision ?? 0, '0')
    }
    default:
      throw fault.value('format', `the number format '${format.slice(0, 50)}' is not supported here.`)
  }
}

const padded = (value: number, width: number): string => {
  const digits = String(Math.abs(value)).padStart(width, '0')
  return value < 0 ? `-${digits}` : digits
}
