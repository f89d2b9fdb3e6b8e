import { versionError } from './version-errors.ts'

/** Major, minor and patch, each a non-negative 32-bit integer. */
export type VersionNumber = readonly [major: number, minor: number, patch: number]

const PART = '(0|[1-9]\\d{0,9})'
const PATTERN = new RegExp(`^${PART}\\.${PART}\\.${PART}$`)
const MAX_PART = 2 ** 31 - 1

/** `undefined` for what is no version: `1.0`, `01.0.0`, `latest`, `9999999999.0.0`. */
export const parseVersion = (name: string): VersionNumber | undefined => {
  const parts = PATTERN.exec(name)?.slice(1).map(Number)
  if (!parts || parts.some(part => part > MAX_PART)) return undefined
  return parts as unknown as VersionNumber
}

export const requireVersionName = (name: string): void => {
  if (!parseVersion(name)) throw versionError.nameInvalid()
}

/** Puts 1.0.9 before 1.0.12: the highest major wins, then minor, then patch. */
export const compareVersions = (one: VersionNumber, other: VersionNumber): number =>
  one[0] - other[0] || one[1] - other[1] || one[2] - other[2]

/** The same order for a store that knows only text. */
export const versionSortKey = (name: string): string =>
  (parseVersion(name) ?? [0, 0, 0]).map(part => String(part).padStart(10, '0')).join('.')
