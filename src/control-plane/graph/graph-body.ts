import type { Words } from './graph-call.ts'
import { graphError } from './graph-error.ts'

/** Reads the properties of a body one by one; what was read is no longer left over. */
export interface BodyReader {
  /** `undefined` when it is absent, `null` when it is to be emptied. */
  text(name: string, mostCharacters?: number): string | null | undefined
  requiredText(name: string, mostCharacters?: number): string
  texts(name: string): string[] | undefined
  flag(name: string): boolean | undefined
  date(name: string): Date | undefined
  part(name: string): BodyReader | undefined
  parts(name: string): BodyReader[] | undefined
  /** Refuses what was not read, unless it says nothing: `null`, `false`, empty lists and objects. */
  end(): void
}

const mostTexts = 100
const mostDepth = 8

export const readBody = (body: Words, resource: string): BodyReader => {
  const left = new Map(Object.entries(body).filter(([name]) => !name.startsWith('@odata.')))
  const bad = (name: string) => graphError.badProperty(name, resource)
  const take = (name: string): unknown => {
    const value = left.get(name)
    left.delete(name)
    return value
  }
  const textOf = (value: unknown, name: string, most: number): string => {
    if (typeof value !== 'string' || value.length > most || isUnprintable(value)) throw bad(name)
    return value
  }
  const within = (value: unknown, name: string): BodyReader => {
    if (!isWords(value)) throw bad(name)
    return readBody(value, resource)
  }

  return {
    text(name, most = 256) {
      const value = take(name)
      if (value === undefined || value === null) return value
      return textOf(value, name, most)
    },
    requiredText(name, most = 256) {
      const value = take(name)
      if (value === undefined || value === null || value === '') throw graphError.missingProperty(name, resource)
      return textOf(value, name, most)
    },
    texts(name) {
      const value = take(name)
      if (value === undefined || value === null) return undefined
      if (!Array.isArray(value) || value.length > mostTexts) throw bad(name)
      return [...new Set(value.map(text => textOf(text, name, 256)))]
    },
    flag(name) {
      const value = take(name)
      if (value === undefined || value === null) return undefined
      if (typeof value !== 'boolean') throw bad(name)
      return value
    },
    date(name) {
      const value = take(name)
      if (value === undefined || value === null) return undefined
      const date = new Date(
        typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value) ? value : '',
      )
      if (Number.isNaN(date.getTime())) throw bad(name)
      return date
    },
    part(name) {
      const value = take(name)
      return value === undefined || value === null ? undefined : within(value, name)
    },
    parts(name) {
      const value = take(name)
      if (value === undefined || value === null) return undefined
      if (!Array.isArray(value) || value.length > mostTexts) throw bad(name)
      return value.map(member => within(member, name))
    },
    end() {
      for (const [name, value] of left) if (!saysNothing(value)) throw graphError.unservedProperty(name, resource)
    },
  }
}

const isWords = (value: unknown): value is Words => typeof value === 'object' && value !== null && !Array.isArray(value)

const saysNothing = (value: unknown, depth = 0): boolean =>
  value === null ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (depth < mostDepth && isWords(value) && Object.values(value).every(member => saysNothing(member, depth + 1)))

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
const isUnprintable = (text: string): boolean => /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)
