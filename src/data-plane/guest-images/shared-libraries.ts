import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { PackageMissing } from './debian-packages.ts'

const libraryFolders = [
  'lib/x86_64-linux-gnu',
  'usr/lib/x86_64-linux-gnu',
  'lib64',
  'usr/lib64',
  'usr/libexec/sudo',
  'usr/lib/sudo',
]

/**
 * The shared libraries that programs need, theirs included, from unpacked packages: name and file. Read from the programs
 * themselves, because packages also depend on much that no program of theirs opens.
 */
export const librariesOf = async (
  programs: readonly string[],
  packages: Iterable<string>,
): Promise<ReadonlyMap<string, string>> => {
  const places = await libraryPlaces(packages)
  const found = new Map<string, string>()
  const visit = async (program: string): Promise<void> => {
    for (const name of neededBy(await fs.readFile(program))) {
      if (found.has(name)) continue
      const file = places.get(name)
      if (file === undefined)
        throw new PackageMissing(`${path.basename(program)} needs ${name}, which no package here has.`)
      found.set(name, file)
      await visit(file)
    }
  }
  for (const program of programs) await visit(program)
  return found
}

const libraryPlaces = async (packages: Iterable<string>): Promise<ReadonlyMap<string, string>> => {
  const places = new Map<string, string>()
  for (const place of packages)
    for (const folder of libraryFolders) {
      const names = await fs.readdir(path.join(place, folder)).catch(() => [])
      for (const name of names) if (/[.]so([.]|$)/.test(name)) places.set(name, path.join(place, folder, name))
    }
  return places
}

const dynamicSegment = 2
const loadSegment = 1
const tag = { end: 0, needed: 1, strings: 5 }

/** The DT_NEEDED names of a 64-bit little-endian ELF file; none of a static one. */
export const neededBy = (elf: Buffer): string[] => {
  if (elf.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return []
  const at = Number(elf.readBigUInt64LE(32))
  const [size, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)]
  const segments = Array.from({ length: count }, (_, index) => {
    const head = elf.subarray(at + index * size)
    const number = (offset: number) => Number(head.readBigUInt64LE(offset))
    return { type: head.readUInt32LE(0), offset: number(8), address: number(16), length: number(32) }
  })
  const dynamic = segments.find(segment => segment.type === dynamicSegment)
  if (!dynamic) return []
  const needed: number[] = []
  let strings = 0
  for (let entry = dynamic.offset; entry < dynamic.offset + dynamic.length; entry += 16) {
    const [kind, value] = [Number(elf.readBigInt64LE(entry)), Number(elf.readBigUInt64LE(entry + 8))]
    if (kind === tag.end) break
    if (kind === tag.needed) needed.push(value)
    if (kind === tag.strings) strings = value
  }
  const home = segments.find(
    ({ type, address, length }) => type === loadSegment && strings >= address && strings < address + length,
  )
  const table = home ? strings - home.address + home.offset : strings
  return needed.map(offset => elf.toString('latin1', table + offset, elf.indexOf(0, table + offset)))
}
