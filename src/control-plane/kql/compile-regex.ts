import { RE2JS } from 're2js'
import { fault } from './kql-fault.ts'
import type { QueryContext, Scalar } from './scalar.ts'

const MAX_PATTERN = 1000
const MAX_STATES = 5000
const MAX_MATCHES = 10_000

/** A match: the whole of it, then its groups; `''` for a group that took no part. */
type Match = { readonly start: number; readonly end: number; readonly groups: readonly string[] }

/** A pattern of a query, matched by RE2: in time that grows with the text, whatever the pattern. */
export interface Regex {
  finds(text: string): boolean
  matches(text: string): Iterable<Match>
  /** `\1` stands for the first group. */
  replaceAll(text: string, by: string): string
}

/** Throws a `KqlFault` for a pattern that is no constant, is too large or can't be read. */
export const compileRegex = (pattern: Scalar, { budget }: QueryContext): Regex => {
  const compiled = read(pattern.constant)
  const costOf = (length: number) => budget.spend(length * compiled.programSize())
  function* matches(text: string): Iterable<Match> {
    const matcher = compiled.matcher(text)
    costOf(text.length)
    for (let count = 0; matcher.find(); count++) {
      if (count >= MAX_MATCHES) throw fault.tooMany('matches of a regular expression', MAX_MATCHES)
      const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? '')
      yield { start: matcher.start(), end: matcher.end(), groups }
      costOf(text.length - matcher.end())
    }
  }
  return {
    finds(text) {
      costOf(text.length)
      return compiled.matcher(text).find()
    },
    matches,
    replaceAll(text, by) {
      let replaced = ''
      let from = 0
      for (const { start, end, groups } of matches(text)) {
        replaced +=
          text.slice(from, start) + by.replaceAll(/\\(\d)/g, (_, group: string) => groups[Number(group)] ?? '')
        budget.willMake(replaced.length)
        from = end
      }
      return budget.made(replaced + text.slice(from))
    },
  }
}

const read = (pattern: Scalar['constant']): RE2JS => {
  if (typeof pattern !== 'string') throw fault.invalid('A regular expression must be a constant text.')
  if (pattern.length > MAX_PATTERN) throw fault.tooMany('characters of a regular expression', MAX_PATTERN)
  const compiled = compile(pattern)
  if (compiled.programSize() > MAX_STATES) throw fault.tooMany('states of a regular expression', MAX_STATES)
  return compiled
}

const compile = (pattern: string): RE2JS => {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    throw fault.invalid(`The regular expression can not be used: ${(error as Error).message.slice(0, 200)}`)
  }
}
