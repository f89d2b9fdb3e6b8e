import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { ingestBytes, noise, temporaryStore } from './temporary-store.ts'

/** A second reader, written from docs/chunk-format.md alone: it shares no code with the store. */
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const framesOf = (file: Buffer, start: number): Buffer[] => {
  const payloads: Buffer[] = []
  for (let at = start; at + 20 <= file.length; ) {
    const end = at + 4 + file.readUInt32LE(at)
    const payload = file.subarray(at + 4, end)
    if (!sha(payload).startsWith(file.toString('hex', end, end + 16))) break
    payloads.push(payload)
    at = end + 16
  }
  return payloads
}

/** Frames one after the other. Where one ends, its blocks say; ours have their content's size in one to eight bytes, and no more. */
const decoded = (stored: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; at < stored.length; ) {
    const start = at
    const descriptor = stored[at + 4]!
    assert.equal(descriptor & 0b100111, 0b100000, 'one segment, no checksum, no dictionary')
    at += 5 + 2 ** (descriptor >> 6)
    for (let isLast = false; !isLast; ) {
      const block = stored.readUIntLE(at, 3)
      isLast = (block & 1) === 1
      at += 3 + ((block & 6) === 2 ? 1 : block >> 3)
    }
    const part = zstdDecompressSync(stored.subarray(start, at))
    assert.ok(part.length <= 65_536)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const chunkAt = (pack: Buffer, record: Buffer): { id: string; bytes: Buffer } => {
  const [offset, storedSize, encoding] = [32, 36, 44].map(at => record.readUInt32LE(at)) as [number, number, number]
  const stored = pack.subarray(offset, offset + storedSize)
  const bytes = encoding === 1 ? decoded(stored) : stored
  assert.equal(bytes.length, record.readUInt32LE(40))
  assert.equal(sha(bytes), record.toString('hex', 0, 32))
  return { id: sha(bytes), bytes }
}

const recordsOf = (bytes: Buffer): Buffer[] =>
  Array.from({ length: bytes.length / 48 }, (_, i) => bytes.subarray(i * 48, i * 48 + 48))

const readChunks = async (folder: string, from: 'index' | 'table'): Promise<Map<string, Buffer>> => {
  const chunks = new Map<string, Buffer>()
  for (const name of (await fs.readdir(path.join(folder, 'packs'))).sort()) {
    const pack = await fs.readFile(path.join(folder, 'packs', name))
    assert.equal(pack.toString('latin1', 0, 8), 'OGPACK01')
    let records: Buffer[]
    if (from === 'table') {
      const foot = pack.length - 48
      const [start, count] = [pack.readUInt32LE(foot), pack.readUInt32LE(foot + 4)]
      assert.equal(start + count * 48, foot)
      assert.equal(sha(pack.subarray(start, foot + 8)), pack.toString('hex', foot + 8, foot + 40))
      assert.equal(pack.toString('latin1', foot + 40), 'OGPACKE1')
      records = recordsOf(pack.subarray(start, foot))
    } else {
      const index = await fs.readFile(path.join(folder, 'index', name.replace('.pack', '.idx')))
      assert.equal(index.toString('latin1', 0, 8), 'OGINDEX1')
      records = framesOf(index, 16).flatMap(group => recordsOf(group.subarray(8)))
    }
    for (const { id, bytes } of records.map(record => chunkAt(pack, record))) chunks.set(id, bytes)
  }
  return chunks
}

const readImage = async (folder: string, hold: string, from: 'index' | 'table'): Promise<Buffer> => {
  const chunks = await readChunks(folder, from)
  const file = await fs.readFile(path.join(folder, 'holds', sha(Buffer.from(hold))))
  const [held] = framesOf(file, 8)
  assert.equal(held?.toString('utf8', 32), hold)
  const manifest = held.toString('hex', 0, 32)
  const root = await fs.readFile(path.join(folder, 'manifests', manifest))
  assert.equal(sha(root), manifest)
  const image = Buffer.alloc(Number(root.readBigUInt64LE(8)))
  const span = 512 * root.readUInt32LE(24)
  for (let at = 32; at < 32 + root.readUInt32LE(28) * 48; at += 48) {
    const base = Math.floor(Number(root.readBigUInt64LE(at)) / span) * span
    const page = chunks.get(root.toString('hex', at + 16, at + 48))!
    assert.equal(page.length, 8 + 44 * root.readUInt32LE(at + 8))
    for (let s = 8; s < page.length; s += 44) {
      const [offset, length, skip] = [0, 4, 8].map(field => page.readUInt32LE(s + field)) as [number, number, number]
      chunks.get(page.toString('hex', s + 12, s + 44))!.copy(image, base + offset, skip, skip + length)
    }
  }
  return image
}

test('a reader that follows the format page reads what the store wrote', async t => {
  const made = await temporaryStore(t)
  const image = Buffer.concat([noise(1, 40 * 2 ** 20), Buffer.alloc(9 * 2 ** 20), Buffer.alloc(300_001, 'words ')])
  const { manifest } = await ingestBytes(made.store, image, 'an image')
  await made.store.compose([{ manifest, offset: 12_345, length: 1_000_000 }], 'a part')
  assert.ok((await readImage(made.folder, 'an image', 'index')).equals(image), 'of a store that is open')
  await made.store.close()
  for (const from of ['index', 'table'] as const) {
    assert.ok((await readImage(made.folder, 'an image', from)).equals(image))
    assert.ok((await readImage(made.folder, 'a part', from)).equals(image.subarray(12_345, 1_012_345)))
  }
})

test('the example of the format page is what the store writes', async t => {
  const { store } = await temporaryStore(t)
  const image = Buffer.concat([noise(2, 12_288), Buffer.alloc(61_440), noise(3, 8192)])
  const root = Buffer.from(await store.manifestRoot((await ingestBytes(store, image, 'a')).manifest))
  const page = await fs.readFile(path.join(import.meta.dirname, '../../../docs/chunk-format.md'), 'utf8')
  const example = page.slice(page.indexOf('\nroot   '), page.indexOf("The root's 80 bytes"))
  const bytes = [...example.matchAll(/(?<= )[0-9a-f]{2}(?= |$)/gm)].map(([hex]) => Number.parseInt(hex, 16))
  assert.equal(root.length, 80)
  assert.deepEqual([...root.subarray(0, 48)], bytes)
})
