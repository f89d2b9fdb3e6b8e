import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import * as zlib from 'node:zlib'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { HostileDisk } from './hostile-disk.ts'
import { openQcow2 } from './open-qcow2.ts'
import { openRawFile } from './raw-file.ts'
import { sampleData, sampleOffset, sampleQcow2 } from './sample-disks.contract.ts'

const mib = 2 ** 20
const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }
let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'open-qcow2-'))
})
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)

const range = async (bytes: SparseBytes, start: number, end: number): Promise<Buffer> => {
  const part = Buffer.alloc(end - start)
  await bytes.read(start, part)
  return part
}

/** Random ranges, and the extents, against the bytes that QEMU sees. */
const requireSame = async (name: string, expected: Buffer): Promise<void> => {
  const { next } = seededRandom(7)
  const disk = await openQcow2(await openRawFile(at(name)))
  assert.equal(disk.sizeBytes, expected.length)
  assert.ok((await range(disk, 0, expected.length)).equals(expected), name)
  for (let run = 0; run < 20; run++) {
    const start = Math.floor(next() * expected.length)
    const end = Math.min(expected.length, start + Math.floor(next() * 200_000))
    assert.ok((await range(disk, start, end)).equals(expected.subarray(start, end)), `${name} ${start} to ${end}`)
  }
  const rest = Buffer.from(expected)
  for await (const { offset, length } of disk.extents()) rest.fill(0, offset, offset + length)
  assert.ok(rest.equals(Buffer.alloc(rest.length)), `${name} has data outside of its extents`)
  await disk.close()
}

test(
  'images that guests wrote to, with discards, zeroes, compressed clusters and snapshots, read as QEMU reads them',
  qemu,
  async () => {
    const commands = (seed: number): string[] => {
      const { next } = seededRandom(seed)
      return Array.from({ length: 40 }, (_, index) => {
        const offset = Math.floor(next() * 15_000) * 512
        const length = (1 + Math.floor(next() * 400)) * 512
        const verb = ['write', 'write', 'write -z', 'discard', 'write -z -u'][Math.floor(next() * 5)] ?? 'write'
        return `${verb} ${verb === 'write' ? `-P ${1 + (index % 255)} ` : ''}${offset} ${length}`
      })
    }
    const kinds = [
      'compat=0.10',
      'compat=1.1',
      'extended_l2=on',
      'cluster_size=512',
      'cluster_size=2M',
      'lazy_refcounts=on',
    ]
    for (const [seed, options] of kinds.entries()) {
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options, at('g.qcow2'), '8M'])
      const io = (list: readonly string[]) =>
        execFileSync('qemu-io', [
          '-d',
          'unmap',
          '-t',
          'unsafe',
          '-f',
          'qcow2',
          ...list.flatMap(one => ['-c', one]),
          at('g.qcow2'),
        ])
      io(['write -c -P 9 2M 2M'])
      io(commands(seed + 1))
      execFileSync('qemu-img', ['snapshot', '-c', 'before', at('g.qcow2')])
      io(commands(seed + 100))
      execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', at('g.qcow2'), at('g.raw')])
      await requireSame('g.qcow2', fs.readFileSync(at('g.raw')))
    }
  },
)

test('a compressed cluster that is damaged, short or a bomb is refused', async () => {
  const compressed = (stored: Buffer): SparseBytes => {
    const file = Buffer.concat([sampleQcow2(), Buffer.alloc(512)])
    stored.copy(file, 5 * 512)
    const moreSectors = BigInt(Math.ceil(stored.length / 512) - 1)
    file.writeBigUInt64BE((1n << 62n) | (moreSectors << 61n) | 2560n, 2048 + (sampleOffset / 512) * 8)
    return bytesOf(file)
  }
  const sound = await openQcow2(compressed(zlib.deflateRawSync(sampleData)))
  assert.ok((await range(sound, sampleOffset, sampleOffset + 512)).equals(sampleData))
  for (const bytes of [
    Buffer.alloc(300, 0xff),
    zlib.deflateRawSync(Buffer.alloc(100)),
    zlib.deflateRawSync(Buffer.alloc(mib)),
  ]) {
    const disk = await openQcow2(compressed(bytes))
    await assert.rejects(range(disk, sampleOffset, sampleOffset + 1), HostileDisk)
    assert.equal((await range(disk, 0, 10)).length, 10)
  }
})
