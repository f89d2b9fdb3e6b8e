import { isNumeric, type KqlType } from '../kql-type.ts'
import { define, type KqlFunction } from './kql-function.ts'

const sameNumber = ({ types }: { types: readonly KqlType[] }): KqlType =>
  types[0] && (isNumeric(types[0]) || types[0] === 'timespan') ? types[0] : 'real'

const round =
  () =>
  (value: number, digits = 0) => {
    const factor = 10 ** Math.max(-15, Math.min(15, digits))
    return Math.round(value * factor) / factor
  }

export const numberFunctions: Readonly<Record<string, KqlFunction>> = {
  abs: define('any', sameNumber, () => (value: unknown) => (typeof value === 'number' ? Math.abs(value) : null)),
  ceiling: define('real', 'long', () => (value: number) => Math.ceil(value)),
  round: define('real, long?', 'real', round),
  sqrt: define('real', 'real', () => (value: number) => (value < 0 ? null : Math.sqrt(value))),
  pow: define('real, real', 'real', () => (value: number, power: number) => value ** power),
  sign: define('real', 'long', () => (value: number) => Math.sign(value)),
  isnan: define('real', 'bool', () => (value: number) => Number.isNaN(value)),
}
