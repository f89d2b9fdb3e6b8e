import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test, { type TestContext } from 'node:test'
import { hashOf } from './chunk-kernel.ts'
import { decodeIndexFile, recordsOf } from './pack-format.ts'
import { decodeSums, encodeSums } from './pack-sums.ts'
import { ingestBytes, noise, temporaryStore } from './temporary-store.ts'

/** A closed store of one pack, in which most chunks are compressed. */
const storeOfWords = async (t: TestContext) => {
  const made = await temporaryStore(t)
  const image = Buffer.concat([
    noise(1, 100_000),
    noise(2, 1_200_000).map(byte => 97 + (byte % 16)), // half as long when it is compressed, and every bit of that counts
  ])
  await ingestBytes(made.store, image, 'a')
  await made.store.close()
  const [name = ''] = await fs.readdir(path.join(made.folder, 'packs'))
  const [pack, index, sums] = [
    `packs/${name}`,
    ...['idx', 'sums'].map(end => `index/${name.replace('pack', end)}`),
  ].map(file => path.join(made.folder, file!)) as [string, string, string]
  const records = decodeIndexFile(await fs.readFile(index)).tables.flatMap(table => recordsOf(table, 1))
  const verify = async (deep: boolean) => (await (await made.reopen()).verify(undefined, { deep })).corrupt
  return { made, pack, sums, records, verify }
}

const flip = async (file: string, at: number): Promise<void> => {
  const bytes = await fs.readFile(file)
  bytes[at]! ^= 0x40
  await fs.writeFile(file, bytes)
}

test('a finished pack has a sum for each of its chunks, and goes with them', async t => {
  const { made, pack, sums, records } = await storeOfWords(t)
  const [body, found] = [await fs.readFile(pack), decodeSums(await fs.readFile(sums))]
  assert.ok(
    records.some(({ place }) => place.encoding === 'zstd') && records.some(({ place }) => place.encoding === 'raw'),
  )
  for (const { place } of records) {
    const sum = found.find(place.offset, place.storedBytes)
    assert.deepEqual(Buffer.from(sum!), hashOf(body.subarray(place.offset, place.offset + place.storedBytes)))
  }
  const store = await made.reopen()
  await store.release('a')
  await store.collect()
  assert.deepEqual(await fs.readdir(path.dirname(sums)), [])
})

test('a flipped byte of any chunk is found: by the sums, without them, and with damaged ones', async t => {
  const { pack, sums, records, verify } = await storeOfWords(t)
  const kept = await fs.readFile(sums)
  for (const { id, place } of records) {
    const at = place.offset + Math.floor(place.storedBytes / 2)
    await flip(pack, at)
    const expected = [Buffer.from(id).toString('hex')]
    assert.deepEqual(await verify(false), expected)
    await fs.rm(sums) // a store of an earlier version has none
    assert.deepEqual(await verify(false), expected)
    await fs.writeFile(sums, kept)
    await flip(sums, 50)
    assert.deepEqual(await verify(false), expected)
    await fs.writeFile(sums, kept)
    await flip(pack, at)
  }
  assert.deepEqual(await verify(false), [])
})

test('what was written wrong in the first place is found by decoding it', async t => {
  const { pack, sums, records, verify } = await storeOfWords(t)
  const { id, place } = records.find(record => record.place.encoding === 'zstd')!
  await flip(pack, place.offset + place.storedBytes - 1)
  const body = await fs.readFile(pack)
  const withSums = records.map(record => ({
    ...record,
    sum: hashOf(body.subarray(record.place.offset, record.place.offset + record.place.storedBytes)),
  }))
  await fs.writeFile(sums, encodeSums(withSums)!)
  assert.deepEqual(await verify(false), [], 'it is what was written')
  assert.deepEqual(await verify(true), [Buffer.from(id).toString('hex')])
})
