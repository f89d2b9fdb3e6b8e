/** What a file has to be, by its vendor's word. */
export interface Checksum {
  readonly algorithm: 'sha256' | 'sha512'
  /** Hexadecimal, lower case. */
  readonly hex: string
}

const algorithms = { 64: 'sha256', 128: 'sha512' } as const

/**
 * The sum of one file in a vendor's list: lines of `HEX  NAME` or `HEX *NAME` as coreutils write them, or `SHA256 (NAME) = HEX` as
 * BSD's programs do. `undefined` when the list does not name the file, or names it with different sums.
 */
export const checksumOf = (list: string, fileName: string): Checksum | undefined => {
  const found = new Map<string, Checksum>()
  for (const line of list.split('\n')) {
    const sum = gnuLine(line) ?? bsdLine(line)
    if (!sum || sum.name !== fileName) continue
    const hex = sum.hex.toLowerCase()
    const algorithm = algorithms[hex.length as keyof typeof algorithms]
    if (algorithm) found.set(`${algorithm} ${hex}`, { algorithm, hex })
  }
  const [one] = found.values()
  return found.size === 1 ? one : undefined
}

const gnuLine = (line: string) => {
  const [, hex, name] = /^([0-9a-fA-F]{64,128}) [ *](?:[.]\/)?(\S+)\s*$/.exec(line) ?? []
  return hex !== undefined && name !== undefined ? { hex, name } : undefined
}

const bsdLine = (line: string) => {
  const [, name, hex] = /^SHA(?:256|512) \(([^)]+)\) = ([0-9a-fA-F]{64,128})\s*$/.exec(line) ?? []
  return hex !== undefined && name !== undefined ? { hex, name } : undefined
}
