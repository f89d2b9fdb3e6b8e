import { randomBytes, randomUUID } from 'node:crypto'

/** Unpredictable values, injected so that a simulation can repeat a run from its seed. */
export interface Random {
  uuid(): string
  bytes(count: number): Buffer
}

/**
 * A secret that people pass on, of so many random bytes as URL-safe text. It never begins with `-`, which command lines
 * take for the beginning of an option (`az login -p` refuses it).
 */
export const secretText = (random: Random, bytes: number): string =>
  random.bytes(bytes).toString('base64url').replace(/^-/, '_')

/** Whether a text is a UUID, be it in capitals: ids, as Azure and all else that comes from outside write them. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

export const systemRandom: Random = { uuid: () => randomUUID(), bytes: count => randomBytes(count) }

/** Repeatable values from a seed (xorshift32). For tests; never for secrets. */
export const seededRandom = (seed: number): Random & { next(): number } => {
  let state = seed | 0 || 0x9e3779b9
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, () => Math.floor(next() * 256)))
  const uuid = () => {
    const hex = bytes(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }
  return { next, bytes, uuid }
}
