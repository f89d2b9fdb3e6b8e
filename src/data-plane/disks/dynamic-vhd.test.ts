import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { decodeVhd } from './decode-disk.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { openRawFile } from './raw-file.ts'
import {
  type DynamicParts,
  dynamicVhd,
  sampleDynamicVhd,
  sampleFixedVhd,
  sampleQcow2,
} from './sample-disks.contract.ts'

const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }

/** A disk of up to 20 blocks, with some blocks stored in any order and any sectors of them untouched. */
interface Plan {
  readonly blockBytes: number
  readonly sectors: number
  readonly stored: readonly number[]
  readonly seed: number
}

const anyPlan: fc.Arbitrary<Plan> = fc.record({
  blockBytes: fc.constantFrom(4096, 16_384),
  sectors: fc.integer({ min: 1, max: 160 }),
  stored: fc.uniqueArray(fc.nat(19)),
  seed: fc.nat(),
})

const partsOf = ({ blockBytes, sectors, stored, seed }: Plan): DynamicParts => ({
  imageSizeBytes: sectors * 512,
  blockBytes,
  stored: stored
    .filter(block => block * blockBytes < sectors * 512)
    .map(block => ({
      block,
      bitmap: Buffer.alloc(512, (seed + block * 37) % 256),
      data: Buffer.alloc(blockBytes, block + 1),
    })),
})

/** What the disk reads as, computed sector by sector. */
const imageOf = ({ imageSizeBytes, blockBytes, stored }: DynamicParts): Buffer => {
  const image = Buffer.alloc(imageSizeBytes)
  for (const { block, bitmap, data } of stored)
    for (let sector = 0; sector < blockBytes / 512; sector++) {
      const isTouched = ((bitmap[sector >> 3] ?? 0) & (0x80 >> (sector & 7))) !== 0
      if (isTouched) data.copy(image, block * blockBytes + sector * 512, sector * 512, sector * 512 + 512)
    }
  return image
}

test('any range of any dynamic VHD reads as its blocks and bitmaps say, and extents cover all data', async () => {
  await fc.assert(
    fc.asyncProperty(anyPlan, fc.nat(), fc.nat(), async (plan, a, b) => {
      const parts = partsOf(plan)
      const expected = imageOf(parts)
      const { image, kind } = await decodeVhd(bytesOf(dynamicVhd(parts)))
      assert.equal(kind, 'dynamic')
      const [start = 0, end = 0] = [a % (expected.length + 1), b % (expected.length + 1)].sort((x, y) => x - y)
      const part = Buffer.alloc(end - start)
      await image.read(start, part)
      assert.ok(part.equals(expected.subarray(start, end)))
      const rest = Buffer.from(expected)
      let last = -1
      for await (const { offset, length } of image.extents()) {
        assert.ok(offset > last && length > 0 && offset + length <= expected.length)
        rest.fill(0, offset, offset + length)
        last = offset + length - 1
      }
      assert.ok(rest.every(byte => byte === 0))
      await assert.rejects(image.read(expected.length, Buffer.alloc(1)), RangeError)
    }),
  )
})

test('a dynamic VHD of QEMU decodes to the bytes that went in', qemu, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dynamic-vhd-'))
  try {
    const data = Buffer.alloc(9 * 2 ** 20)
    for (let at = 3 * 2 ** 20 - 4; at < 6 * 2 ** 20; at += 4) data.writeUInt32LE(at, at)
    const [raw, vhd] = [path.join(folder, 'in.raw'), path.join(folder, 'out.vhd')]
    fs.writeFileSync(raw, data)
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'vpc', '-o', 'force_size=on', raw, vhd])
    const { image, imageSizeBytes, isWholeMebibytes } = await decodeVhd(await openRawFile(vhd))
    assert.equal(imageSizeBytes, data.length)
    assert.ok(isWholeMebibytes)
    const read = Buffer.alloc(data.length)
    await image.read(0, read)
    await image.close()
    assert.ok(read.equals(data))
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('the footer decides: a fixed VHD is its bytes, whatever its guest wrote at the start', async () => {
  const file = sampleFixedVhd()
  sampleDynamicVhd().copy(file)
  const { image, kind, isWholeMebibytes } = await decodeVhd(bytesOf(file))
  assert.deepEqual([kind, image.sizeBytes, isWholeMebibytes], ['fixed', 2 ** 20, true])
  const read = Buffer.alloc(image.sizeBytes)
  await image.read(0, read)
  assert.ok(read.equals(file.subarray(0, -512)))
})

test('what is no VHD, or a cut one, is refused', async () => {
  await assert.rejects(decodeVhd(bytesOf(sampleQcow2())), UnsupportedDisk)
  await assert.rejects(decodeVhd(bytesOf(Buffer.alloc(0))), UnsupportedDisk)
  await assert.rejects(decodeVhd(bytesOf(sampleFixedVhd().subarray(4096))), HostileDisk)
  const { isWholeMebibytes } = await decodeVhd(bytesOf(sampleDynamicVhd()))
  assert.equal(isWholeMebibytes, false)
})
