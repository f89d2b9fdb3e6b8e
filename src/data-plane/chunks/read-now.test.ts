import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test, { type TestContext } from 'node:test'
import { loadNative } from '#data-plane/native/load-native.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { ChunkCorrupt, type ManifestId } from './chunk-store.ts'
import { ingestBytes, noise, type TemporaryStore, temporaryStore } from './temporary-store.ts'

const MIB = 1024 * 1024
const content = noise(5, 6 * MIB)

const opened = async (t: TestContext, { store }: TemporaryStore, manifest: ManifestId): Promise<SparseBytes> => {
  const bytes = await store.open(manifest)
  t.after(() => bytes.close())
  return bytes
}

test('what is read at once is what is read in peace, and without the kernel it is what was decoded lately', async t => {
  const made = await temporaryStore(t)
  const { manifest } = await ingestBytes(made.store, content, 'a')
  const bytes = await opened(t, made, manifest)
  const target = Buffer.alloc(100_000)
  assert.equal(bytes.readNow?.(0, target), false, 'nothing is known of the image yet')
  await bytes.read(1234, target)
  target.fill(7)
  assert.equal(bytes.readNow?.(1234, target), true)
  assert.ok(target.equals(content.subarray(1234, 101_234)))
  assert.equal(bytes.readNow?.(bytes.sizeBytes - 10, target), false, 'the range leaves the image')
  if (typeof loadNative() !== 'string') {
    let served = 0
    for (let at = 0; at + target.length <= content.length; at += target.length)
      if (bytes.readNow?.(at, target)) {
        assert.ok(target.equals(content.subarray(at, at + target.length)))
        served++
      }
    t.diagnostic(`${served} reads were served at once`)
  }
  await made.store.close()
  assert.equal(bytes.readNow?.(1234, target), false, 'the store is closed')
})

test('no damaged byte is read at once', async t => {
  const made = await temporaryStore(t)
  const { manifest } = await ingestBytes(made.store, content, 'a')
  await made.store.close()
  const [pack = ''] = await fs.readdir(path.join(made.folder, 'packs'))
  const file = path.join(made.folder, 'packs', pack)
  const stored = await fs.readFile(file)
  for (let at = 3 * MIB; at < 4 * MIB; at += 4096) stored[at]! ^= 1
  await fs.writeFile(file, stored)
  await made.reopen()
  const bytes = await opened(t, made, manifest)
  await bytes.read(0, Buffer.alloc(4096))
  let refused = 0
  const target = Buffer.alloc(4096)
  for (let at = 0; at < content.length; at += 64 * 1024) {
    if (bytes.readNow?.(at, target)) assert.ok(target.equals(content.subarray(at, at + 4096)))
    else if (at > 3.5 * MIB && at < 3.6 * MIB) {
      await assert.rejects(bytes.read(at, target), ChunkCorrupt)
      refused++
    }
  }
  assert.ok(refused > 0)
})
