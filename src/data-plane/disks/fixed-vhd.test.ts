import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { asFixedVhd, fixedVhdFooter, isAzureAligned, parseVhdFooter, vhdChecksum, vhdFooterOf } from './fixed-vhd.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { writeRawFile } from './raw-file.ts'

const mib = 2 ** 20
const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }
let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fixed-vhd-'))
})
after(() => fs.rmSync(folder, { recursive: true }))

/** Endless zeros of a size that no test could hold. */
const hole = (sizeBytes: number): SparseBytes => ({
  sizeBytes,
  async *extents() {},
  read: async (_, target) => void target.fill(0),
  close: async () => {},
})

test('any range of a fixed VHD is the image, then the footer', async () => {
  const image = Buffer.from(Array.from({ length: 2048 }, (_, index) => index % 251))
  const whole = Buffer.concat([image, fixedVhdFooter(image.length)])
  const vhd = asFixedVhd(bytesOf(image))
  const range = fc.tuple(fc.nat(whole.length), fc.nat(whole.length)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)])
  await fc.assert(
    fc.asyncProperty(range, async ([start = 0, end = 0]) => {
      const part = Buffer.alloc(end - start)
      await vhd.read(start, part)
      assert.deepEqual(part, whole.subarray(start, end))
    }),
  )
  await assert.rejects(vhd.read(whole.length - 1, Buffer.alloc(2)), RangeError)
})

test('the footer of any size is read back, and is the same for the same size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 36 }), async sectors => {
      const vhd = asFixedVhd(hole(sectors * 512))
      const footer = await vhdFooterOf(vhd)
      assert.ok(footer)
      assert.equal(footer.kind, 'fixed')
      assert.equal(footer.imageSizeBytes, sectors * 512)
      assert.deepEqual(fixedVhdFooter(sectors * 512), fixedVhdFooter(sectors * 512))
    }),
  )
})

test('the geometry is the one of the VHD specification', () => {
  const geometry = (sizeBytes: number) => {
    const footer = fixedVhdFooter(sizeBytes)
    return [footer.readUInt16BE(56), footer.readUInt8(58), footer.readUInt8(59)]
  }
  assert.deepEqual(geometry(40 * mib), [963, 5, 17])
  assert.deepEqual(geometry(2 * 1024 * mib), [4161, 16, 63])
  assert.deepEqual(geometry(4 * 1024 * 1024 * mib), [65535, 16, 255])
})

test('damage and foreign sizes are told apart from no footer', async () => {
  assert.equal(await vhdFooterOf(bytesOf(Buffer.alloc(4096))), undefined)
  assert.equal(await vhdFooterOf(bytesOf(Buffer.alloc(100))), undefined)
  const damaged = fixedVhdFooter(mib)
  damaged[50] = 7
  await assert.rejects(vhdFooterOf(bytesOf(damaged)), HostileDisk)
  const odd = fixedVhdFooter(mib)
  odd.writeUInt32BE(9, 60)
  odd.writeUInt32BE(vhdChecksum(odd, 64), 64)
  assert.throws(() => parseVhdFooter(odd), HostileDisk)
  assert.throws(() => asFixedVhd(hole(1000)), UnsupportedDisk)
  assert.throws(() => asFixedVhd(hole(0)), UnsupportedDisk)
  assert.deepEqual([isAzureAligned(3 * mib), isAzureAligned(3 * mib + 512), isAzureAligned(0)], [true, false, false])
})

test('QEMU reads our fixed VHD with every sector of it', qemu, async () => {
  const image = Buffer.alloc(mib + 512) // a size that the geometry alone can't express
  for (let at = 0; at < image.length; at += 512) image.writeUInt32LE(at + 1, at)
  const [vhd, raw] = [path.join(folder, 'ours.vhd'), path.join(folder, 'theirs.raw')]
  await writeRawFile(asFixedVhd(bytesOf(image)), vhd)
  execFileSync('qemu-img', ['convert', '-f', 'vpc', '-O', 'raw', vhd, raw])
  assert.ok(fs.readFileSync(raw).equals(image))
})

test('the geometry is the one that QEMU computes, where it chooses sizes that a geometry can express', qemu, () => {
  for (const size of ['1M', '9M', '40M', '130M', '505M', '2G', '33G', '100G']) {
    const vhd = path.join(folder, 'geometry.vhd')
    execFileSync('qemu-img', ['create', '-q', '-f', 'vpc', '-o', 'subformat=dynamic', vhd, size])
    const theirs = fs.readFileSync(vhd).subarray(-512)
    const ours = fixedVhdFooter(parseVhdFooter(theirs).imageSizeBytes)
    assert.deepEqual(ours.subarray(56, 60), theirs.subarray(56, 60), size)
  }
})

test('we read the footer that QEMU writes', qemu, async () => {
  const vhd = path.join(folder, 'theirs.vhd')
  execFileSync('qemu-img', ['create', '-q', '-f', 'vpc', '-o', 'subformat=fixed,force_size=on', vhd, '3M'])
  const bytes = bytesOf(fs.readFileSync(vhd))
  const footer = await vhdFooterOf(bytes)
  assert.equal(footer?.kind, 'fixed')
  assert.equal(footer?.imageSizeBytes, 3 * mib)
  assert.equal(bytes.sizeBytes, 3 * mib + 512)
})
