import { argon2, type BinaryLike, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '#foundation/random.ts'

/** So many guesses wait already that another one is turned away: hashing must never exhaust the machine. */
export class TooManyGuesses extends Error {
  override readonly name = 'TooManyGuesses'
}

/** Argon2id with a salt of its own per secret; the text form names its cost, so that a later, higher cost reads older hashes. */
export interface SlowHash {
  hash(secret: string): Promise<string>
  /** Takes the same time whatever the secret; `undefined` costs as much as a real hash and never matches. */
  matches(secret: string, encoded: string | undefined): Promise<boolean>
}

interface Cost {
  memory: number
  passes: number
}

// OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
const cost: Cost = { memory: 19_456, passes: 2 }
const derive = promisify(argon2)
const derived = (secret: BinaryLike, nonce: Buffer, { memory, passes }: Cost): Promise<Buffer> =>
  derive('argon2id', { message: secret as string, nonce, parallelism: 1, tagLength: 32, memory, passes })

const encode = (salt: Buffer, tag: Buffer): string => {
  const text = (bytes: Buffer) => bytes.toString('base64url')
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=1$${text(salt)}$${text(tag)}`
}

const decode = (encoded: string) => {
  const [, memory, passes, salt, tag] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([\w-]+)\$([\w-]+)$/.exec(encoded) ?? []
  if (!salt || !tag) throw new Error('A stored secret is not in the form that this version writes.')
  const bytes = (text: string) => Buffer.from(text, 'base64url')
  return { salt: bytes(salt), tag: bytes(tag), cost: { memory: Number(memory), passes: Number(passes) } }
}

/** At most `concurrency` hashes run and `queue` wait, so that guesses hold at most `concurrency` x 19 MiB. */
export const slowHash = (random: Random, { concurrency = 2, queue = 64 } = {}): SlowHash => {
  let running = 0
  const waiting: (() => void)[] = []
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= concurrency) {
      if (waiting.length >= queue) throw new TooManyGuesses('Too many sign-ins at once.')
      await new Promise<void>(resolve => waiting.push(resolve))
    } else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
  const decoy = encode(random.bytes(16), random.bytes(32))
  return {
    async hash(secret) {
      const salt = random.bytes(16)
      return encode(salt, await inTurn(() => derived(secret, salt, cost)))
    },
    async matches(secret, encoded) {
      const { salt, tag, cost } = decode(encoded ?? decoy)
      const actual = await inTurn(() => derived(secret, salt, cost))
      return timingSafeEqual(actual, tag) && encoded !== undefined
    },
  }
}
