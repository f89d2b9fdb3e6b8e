import { invariant } from '#foundation/invariant.ts'

export interface DiscFile {
  /** As a guest sees it: `ovf-env.xml`. Letters, digits, dots, dashes and underscores. */
  readonly name: string
  readonly content: Uint8Array
}

const sector = 2048
/** ECMA-119 keeps the first 32 KiB for whoever boots from the disc. */
const systemSectors = 16
/** A directory here is one sector; records are at most 254 bytes, and these stay below 130. */
const mostFiles = 12

const roundUp = (bytes: number) => Math.ceil(bytes / sector) * sector

/** Numbers are written twice, little-endian and big-endian (ECMA-119 7.2.3, 7.3.3). */
const both16 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16LE(value, 0)
  bytes.writeUInt16BE(value, 2)
  return bytes
}
const both32 = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(value, 0)
  bytes.writeUInt32BE(value, 4)
  return bytes
}

/** The seven bytes of a directory record's date, in UTC (ECMA-119 9.1.5). */
const shortDate = (at: Date) =>
  Buffer.from([
    at.getUTCFullYear() - 1900,
    at.getUTCMonth() + 1,
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
    0,
  ])

/** The seventeen bytes of a volume's date (ECMA-119 8.4.26.1). */
const longDate = (at: Date) => Buffer.from(`${at.toISOString().replace(/\D/g, '').slice(0, 16)}\0`, 'latin1')
const noDate = Buffer.from(`${'0'.repeat(16)}\0`, 'latin1')

/** An entry of the system use area (SUSP 4.1): a signature of two letters, its length, version 1. */
const systemUse = (signature: string, content: Uint8Array) =>
  Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.from([content.length + 4, 1]), content])

const attributes = (mode: number, links: number) =>
  systemUse('PX', Buffer.concat([both32(mode), both32(links), both32(0), both32(0)]))

/** Tells that the disc follows Rock Ridge, in the words of its specification (RRIP 4.3). */
const rockRidge = () => {
  const [id, description, source] = ['RRIP_1991A', 'ROCK RIDGE', 'IEEE P1282']
  const lengths = Buffer.from([id.length, description.length, source.length, 1])
  return systemUse('ER', Buffer.concat([lengths, Buffer.from(id + description + source, 'latin1')]))
}

const record = (identifier: Buffer, at: Date, place: number, sizeBytes: number, isFolder: boolean, more: Buffer) => {
  const padding = Buffer.alloc(identifier.length % 2 === 0 ? 1 : 0) // the system use area begins at an even offset
  const rest = Buffer.concat([
    Buffer.from([0]),
    both32(place),
    both32(sizeBytes),
    shortDate(at),
    Buffer.from([isFolder ? 2 : 0, 0, 0]),
    both16(1),
    Buffer.from([identifier.length]),
    identifier,
    padding,
    more,
  ])
  const odd = Buffer.alloc((rest.length + 1) % 2)
  return Buffer.concat([Buffer.from([rest.length + 1 + odd.length]), rest, odd])
}

/** `OVF_ENV.XML;1`: who knows no Rock Ridge sees eight and three letters. Unique by its number where shortening makes two alike. */
const shortNames = (files: readonly DiscFile[]): string[] => {
  const seen = new Set<string>()
  return files.map((file, index) => {
    const [stem = '', extension = ''] = file.name
      .toUpperCase()
      .replaceAll(/[^A-Z0-9.]/g, '_')
      .split('.')
    const short = `${stem.slice(0, 8)}.${extension.slice(0, 3)};1`
    const name = seen.has(short)
      ? `${stem.slice(0, 6)}${String(index).padStart(2, '0')}.${extension.slice(0, 3)};1`
      : short
    seen.add(name)
    return name
  })
}

const self = Buffer.from([0])
const parent = Buffer.from([1])

const volumeDescriptor = (label: string, at: Date, sectors: number, root: Buffer) => {
  const text = (value: string, length: number) => Buffer.from(value.padEnd(length), 'latin1')
  const pathTable = systemSectors + 2
  const littleEndian = Buffer.alloc(8)
  littleEndian.writeUInt32LE(pathTable, 0)
  const bigEndian = Buffer.alloc(8)
  bigEndian.writeUInt32BE(pathTable + 1, 0)
  const parts = [
    Buffer.from('\x01CD001\x01\0', 'latin1'),
    text('', 32),
    text(label, 32),
    Buffer.alloc(8),
    both32(sectors),
    Buffer.alloc(32),
    both16(1),
    both16(1),
    both16(sector),
    both32(10), // the length of a path table that names nothing but the root
    littleEndian,
    bigEndian,
    root,
    text('', 128 * 4 + 37 * 3), // set, publisher, preparer, application; three files that are not there
    longDate(at),
    longDate(at),
    noDate,
    noDate,
    Buffer.from([1, 0]),
  ]
  return Buffer.concat([Buffer.concat(parts), Buffer.alloc(sector)], sector)
}

const pathTables = (rootPlace: number) => {
  const tables = Buffer.alloc(2 * sector)
  for (const [offset, bigEndian] of [
    [0, false],
    [sector, true],
  ] as const) {
    tables.writeUInt8(1, offset)
    if (bigEndian) tables.writeUInt32BE(rootPlace, offset + 2)
    else tables.writeUInt32LE(rootPlace, offset + 2)
    if (bigEndian) tables.writeUInt16BE(1, offset + 6)
    else tables.writeUInt16LE(1, offset + 6)
  }
  return tables
}

/**
 * An ISO 9660 disc (ECMA-119) with these files in its root, named as they are by Rock Ridge, readable by their owner alone.
 * `label` has at most 32 letters. Pure: the same arguments make the same bytes.
 */
export const iso9660 = (label: string, files: readonly DiscFile[], madeAt: Date): Buffer => {
  invariant(files.length <= mostFiles, `A disc has at most ${mostFiles} files.`)
  invariant(/^[\w-]{1,32}$/.test(label), 'A label has 1 to 32 letters, digits, dashes and underscores.')
  for (const { name } of files)
    invariant(/^[\w-]+([.][\w-]+)?$/.test(name) && name.length <= 64, `No name for a file of a disc: ${name}`)

  const rootPlace = systemSectors + 4 // behind two descriptors and two path tables
  let end = rootPlace + 1
  const placed = files.map(file => {
    const place = end
    end += roundUp(file.content.length) / sector
    return { ...file, place }
  })
  const folder = (identifier: Buffer, more = Buffer.alloc(0)) =>
    record(identifier, madeAt, rootPlace, sector, true, more)
  const folderMode = attributes(0o040500, 2)
  const names = shortNames(files)
  const entries = placed.map((file, index) => {
    const name = systemUse('NM', Buffer.concat([Buffer.from([0]), Buffer.from(file.name, 'latin1')]))
    const more = Buffer.concat([attributes(0o100400, 1), name])
    return {
      name: names[index] ?? '',
      bytes: record(Buffer.from(names[index] ?? '', 'latin1'), madeAt, file.place, file.content.length, false, more),
    }
  })
  const startOfSharing = systemUse('SP', Buffer.from([0xbe, 0xef, 0]))
  const directory = Buffer.concat([
    folder(self, Buffer.concat([startOfSharing, folderMode, rockRidge()])),
    folder(parent, folderMode),
    ...entries.sort((a, b) => (a.name < b.name ? -1 : 1)).map(entry => entry.bytes),
  ])
  const terminator = Buffer.concat([Buffer.from('\xffCD001\x01', 'latin1'), Buffer.alloc(sector)], sector)
  return Buffer.concat([
    Buffer.alloc(systemSectors * sector),
    volumeDescriptor(label, madeAt, end, folder(self)),
    terminator,
    pathTables(rootPlace),
    Buffer.concat([directory, Buffer.alloc(sector)], sector),
    ...placed.map(file => Buffer.concat([file.content], roundUp(file.content.length))),
  ])
}
