import type { Entry, StagedTree } from './staged-tree.ts'

const types = { folder: 0o040000, file: 0o100000, link: 0o120000 } as const

/** The archive that the kernel unpacks as its first file system: the «new ASCII format» of its initramfs documentation. */
export const cpioOf = (tree: StagedTree): Buffer => {
  const members = tree.entries().map(([place, entry], index) => member(place.slice(1), entry, index + 1))
  const end = member('TRAILER!!!', undefined, 0)
  return Buffer.concat([...members, end])
}

const member = (name: string, entry: Entry | undefined, inode: number): Buffer => {
  const content = !entry || entry.kind === 'folder' ? Buffer.alloc(0) : bytesOf(entry)
  const mode = !entry ? 0 : types[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode)
  const [uid, gid, links, time, device] = [0, 0, 1, 0, 0]
  const fields = [
    inode,
    mode,
    uid,
    gid,
    links,
    time,
    content.length,
    device,
    device,
    device,
    device,
    name.length + 1,
    0,
  ]
  const head = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`
  return Buffer.concat([padded(Buffer.from(head, 'latin1')), padded(content)])
}

const bytesOf = (entry: Exclude<Entry, { kind: 'folder' }>): Buffer =>
  entry.kind === 'link' ? Buffer.from(entry.target) : Buffer.from(entry.content)

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
