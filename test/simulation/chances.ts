import { seededRandom } from '#foundation/random.ts'

/** What happens by chance in a history, the same for the same seed. */
export interface Chances {
  /** At least 0, below 1. */
  next(): number
  /** A whole number. */
  below(count: number): number
  pick<T>(from: readonly T[]): T
}

export const chancesOf = (seed: number): Chances => {
  const { next } = seededRandom(seed * 7919 + 17)
  for (let i = 0; i < 8; i++) next() // seeds that are near each other begin alike
  const below = (count: number) => Math.floor(next() * count)
  return { next, below, pick: from => from[below(from.length)]! }
}
