/** Types of the language that differ here: `int` is `long`, `decimal` is `real`, `guid` is `string`. */
export type KqlType = 'bool' | 'long' | 'real' | 'string' | 'datetime' | 'timespan' | 'dynamic'

/**
 * A value. What it means is its column's type: a datetime is milliseconds since 1970, a timespan milliseconds, a dynamic any JSON.
 * Null is `null`; a string is never null, only empty.
 */
export type Value = null | boolean | number | string | readonly Value[] | Bag
export type Bag = { readonly [name: string]: Value | undefined }

export interface Column {
  readonly name: string
  readonly type: KqlType
}

/** The values of a row, in the order of its table's columns. */
export type Row = readonly Value[]

export const isBag = (value: Value | undefined): value is Bag =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isList = (value: Value | undefined): value is readonly Value[] => Array.isArray(value)

/** The member of that name that the bag itself has: a bag comes from JSON, and its names are anybody's. */
export const memberOf = (value: Value | undefined, name: string): Value =>
  isBag(value) && Object.hasOwn(value, name) ? (value[name] ?? null) : null

export const isNumeric = (type: KqlType): boolean => type === 'long' || type === 'real'

/** What an absent value of that type is. */
export const emptyOf = (type: KqlType): Value => (type === 'string' ? '' : null)
