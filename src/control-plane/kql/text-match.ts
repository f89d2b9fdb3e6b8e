const isWordCharacter = (text: string, at: number) =>
  at >= 0 && at < text.length && /[\p{L}\p{N}]/u.test(text.charAt(at))

type Match = (text: string, part: string) => boolean

/** A term stands alone: letters and digits end on both sides, or on the one that counts. */
const findsTerm = (text: string, part: string, ends: { before: boolean; after: boolean }): boolean => {
  if (part === '') return true
  const guardsStart = ends.before && isWordCharacter(part, 0)
  const guardsEnd = ends.after && isWordCharacter(part, part.length - 1)
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const isStart = !guardsStart || !isWordCharacter(text, at - 1)
    if (isStart && !(guardsEnd && isWordCharacter(text, at + part.length))) return true
  }
  return false
}

const exact: Readonly<Record<string, Match>> = {
  contains: (text, part) => text.includes(part),
  has: (text, part) => findsTerm(text, part, { before: true, after: true }),
  hasprefix: (text, part) => findsTerm(text, part, { before: true, after: false }),
  hassuffix: (text, part) => findsTerm(text, part, { before: false, after: true }),
  startswith: (text, part) => text.startsWith(part),
  endswith: (text, part) => text.endsWith(part),
  '=': (text, part) => text === part,
}

/** `has`, `!contains`, `startswith_cs`, `=~`: without `_cs` the case does not count. */
export const textMatch = (operator: string): Match | undefined => {
  const isNot = operator.startsWith('!')
  const bare = operator.replace(/^!/, '').replace(/~$/, '')
  const name = bare.replace(/_cs$/, '')
  const match = Object.hasOwn(exact, name === '' ? '=' : name) ? exact[name === '' ? '=' : name] : undefined
  if (!match) return undefined
  const inCase: Match = name === bare ? (text, part) => match(text.toLowerCase(), part.toLowerCase()) : match
  return isNot ? (text, part) => !inCase(text, part) : inCase
}
