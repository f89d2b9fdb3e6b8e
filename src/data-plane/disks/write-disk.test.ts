import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { decodeVhd } from './decode-disk.ts'
import { UnsupportedDisk } from './hostile-disk.ts'
import { inspectDisk } from './inspect.ts'
import { openRawFile } from './raw-file.ts'
import { writeDisk } from './write-disk.ts'

const mib = 2 ** 20
const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }
let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'write-disk-'))
})
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)

/** An image with pages of data at random places, one at the very end. */
const image = (sizeBytes: number, seed: number): Buffer => {
  const { next } = seededRandom(seed)
  const bytes = Buffer.alloc(sizeBytes)
  for (let run = 0; run < 40; run++) {
    const start = Math.floor(next() * sizeBytes)
    bytes.fill(1 + (run % 255), start, Math.min(sizeBytes, start + Math.floor(next() * 200_000)))
  }
  bytes[sizeBytes - 1] = 7
  return bytes
}

/** A disk far larger than memory: data at the given places only. */
const scattered = (sizeBytes: number, places: readonly number[]): SparseBytes => ({
  sizeBytes,
  async *extents() {
    for (const offset of places) yield { offset, length: 4 }
  },
  async read(offset, target) {
    target.fill(0)
    for (const place of places)
      for (const [index, byte] of Buffer.from('data').entries()) {
        const to = place + index - offset
        if (to >= 0 && to < target.length) target[to] = byte
      }
  },
  close: async () => {},
})

test('raw and VHD come back as they went in, and are sparse', async () => {
  const bytes = image(8 * mib, 1)
  await writeDisk(bytesOf(bytes), at('a.raw'), 'raw')
  assert.ok(fs.readFileSync(at('a.raw')).equals(bytes))
  await writeDisk(bytesOf(bytes), at('a.vhd'), 'vhd')
  const { image: decoded } = await decodeVhd(await openRawFile(at('a.vhd')))
  const read = Buffer.alloc(bytes.length)
  await decoded.read(0, read)
  await decoded.close()
  assert.ok(read.equals(bytes))
  await writeDisk(bytesOf(Buffer.alloc(8 * mib)), at('zeros.vhd'), 'vhd')
  assert.ok(fs.statSync(at('zeros.vhd')).blocks * 512 <= 8192)
  await assert.rejects(writeDisk(bytesOf(Buffer.alloc(700)), at('odd.vhd'), 'vhd'), UnsupportedDisk)
})

test('our qcow2 passes our own inspection, and takes only the clusters that have data', async () => {
  const progress: number[] = []
  const watch = { onProgress: (done: number) => progress.push(done) }
  await writeDisk(scattered(40 * 2 ** 40, [0, 2 ** 40 + 5, 33 * 2 ** 40]), at('far.qcow2'), 'qcow2', watch)
  const file = await openRawFile(at('far.qcow2'))
  const format = await inspectDisk(file, { maxVirtualSizeBytes: 40 * 2 ** 40 })
  await file.close()
  assert.deepEqual(format, { name: 'qcow2', kind: 'v3', virtualSizeBytes: 40 * 2 ** 40, dataBytes: 3 * 65_536 })
  assert.equal(progress.at(-1), 40 * 2 ** 40)
  assert.ok(fs.statSync(at('far.qcow2')).blocks * 512 < 2 * mib)
})

test('qemu-img finds our qcow2 without fault and equal, at sizes around every boundary', qemu, async () => {
  for (const [seed, size] of [512, 65_536, 65_536 + 512, 5 * mib, 7 * mib - 512, 5 * mib + 100].entries()) {
    const bytes = image(size, seed + 1)
    const padded = Buffer.alloc(Math.ceil(size / 512) * 512)
    bytes.copy(padded)
    await writeDisk(bytesOf(bytes), at('q.qcow2'), 'qcow2')
    execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', at('q.qcow2')])
    execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', at('q.qcow2'), at('q.raw')])
    assert.ok(fs.readFileSync(at('q.raw')).equals(padded), `${size}`)
  }
  await writeDisk(bytesOf(Buffer.alloc(mib)), at('zeros.qcow2'), 'qcow2')
  await writeDisk(scattered(3 * 2 ** 40, [0, 2 ** 40 + 5, 2 ** 41]), at('far.qcow2'), 'qcow2')
  for (const name of ['zeros', 'far']) execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', at(`${name}.qcow2`)])
  const read = execFileSync('qemu-io', [
    '-f',
    'qcow2',
    '-r',
    '-c',
    `read -v ${2 ** 40} 512`,
    at('far.qcow2'),
  ]).toString()
  assert.match(read, /64 61 74 61 .*data/)
})
