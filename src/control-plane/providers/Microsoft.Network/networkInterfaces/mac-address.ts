import type { Random } from '#foundation/random.ts'

/** An address of Microsoft's range for virtual machines (00-0D-3A), as Azure writes it, that is not one of `taken`. */
export const newMacAddress = (random: Random, taken: ReadonlySet<string>): string => {
  for (;;) {
    const own = [...random.bytes(3)].map(byte => byte.toString(16).padStart(2, '0').toUpperCase())
    const address = `00-0D-3A-${own.join('-')}`
    if (!taken.has(address)) return address
  }
}
