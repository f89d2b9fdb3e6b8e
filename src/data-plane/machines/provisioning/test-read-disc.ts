/** Reads a disc as a guest with Rock Ridge does: its label, and the files of its root by name. For tests. */
export const readDisc = (disc: Buffer): { label: string; files: Map<string, { content: Buffer; mode: number }> } => {
  const volume = disc.subarray(16 * 2048, 17 * 2048)
  if (volume.toString('latin1', 0, 7) !== '\x01CD001\x01') throw new Error('no volume descriptor')
  if (volume.readUInt32LE(80) * 2048 !== disc.length || volume.readUInt32BE(84) * 2048 !== disc.length)
    throw new Error('the volume is not as long as its file')
  const root = volume.subarray(156, 190)
  const directory = content(disc, root)
  const files = new Map<string, { content: Buffer; mode: number }>()
  for (let at = 0; (directory[at] ?? 0) > 0; at += directory[at] ?? 0) {
    const record = directory.subarray(at, at + (directory[at] ?? 0))
    const entries = systemUse(record)
    const name = entries.get('NM')?.subarray(1).toString('latin1')
    if (name !== undefined)
      files.set(name, { content: content(disc, record), mode: entries.get('PX')?.readUInt32LE(0) ?? 0 })
    else if (at === 0 && !entries.get('SP')?.equals(Buffer.from([0xbe, 0xef, 0]))) throw new Error('no Rock Ridge')
  }
  return { label: volume.toString('latin1', 40, 72).trimEnd(), files }
}

const content = (disc: Buffer, record: Buffer) => {
  const [place, length] = [record.readUInt32LE(2), record.readUInt32LE(10)]
  if (record.readUInt32BE(6) !== place || record.readUInt32BE(14) !== length) throw new Error('the two numbers differ')
  return disc.subarray(place * 2048, place * 2048 + length)
}

const systemUse = (record: Buffer) => {
  const nameBytes = record[32] ?? 0
  const entries = new Map<string, Buffer>()
  for (let at = 33 + nameBytes + (nameBytes % 2 === 0 ? 1 : 0); at + 4 <= record.length; ) {
    const length = record[at + 2] ?? 0
    if (length < 4) throw new Error('an entry without a length')
    entries.set(record.toString('latin1', at, at + 2), record.subarray(at + 4, at + length))
    at += length
  }
  return entries
}
