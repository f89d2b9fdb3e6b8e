import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { ConversionFailed, convertToRaw, ScratchFull } from './convert.ts'
import { HostileDisk, ToolMissing, UnsupportedDisk } from './hostile-disk.ts'
import type { DiskFormat } from './inspect.ts'
import { openDisk } from './open-disk.ts'
import { openRawFile } from './raw-file.ts'
import * as sample from './sample-disks.contract.ts'

const mib = 2 ** 20
const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }
let folder: string
let scratchFolder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'open-disk-'))
  scratchFolder = path.join(folder, 'scratch')
  fs.mkdirSync(scratchFolder)
})
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)
const put = (name: string, bytes: Uint8Array): string => {
  fs.writeFileSync(at(name), bytes)
  return at(name)
}

const wholeOf = async (bytes: SparseBytes): Promise<Buffer> => {
  const whole = Buffer.alloc(bytes.sizeBytes)
  await bytes.read(0, whole)
  return whole
}

/** 8 MiB with data in the middle, odd pages and a last sector. */
const content = (): Buffer => {
  const bytes = Buffer.alloc(8 * mib)
  for (let offset = mib + 512; offset < 3 * mib; offset += 1536) bytes.writeUInt32LE(offset, offset)
  bytes.fill('end', bytes.length - 3)
  return bytes
}

test('raw, VHD and qcow2 open without any tool, VHDX says which one it needs', async () => {
  const known = process.env.PATH
  process.env.PATH = folder
  try {
    for (const [name, bytes, format] of [
      ['a.raw', sample.sampleFixedVhd().subarray(0, mib), 'raw'],
      ['a.vhd', sample.sampleFixedVhd(), 'vhd'],
      ['b.vhd', sample.sampleDynamicVhd(), 'vhd'],
      ['a.qcow2', sample.sampleQcow2(2), 'qcow2'],
      ['b.qcow2', sample.sampleQcow2(3), 'qcow2'],
    ] as const) {
      const disk = await openDisk(put(name, bytes), { scratchFolder })
      assert.equal(disk.format, format)
      const whole = await wholeOf(disk.bytes)
      assert.ok(whole.subarray(sample.sampleOffset, sample.sampleOffset + 512).equals(sample.sampleData), name)
      await disk.bytes.close()
    }
    const vhdx = put('a.vhdx', sample.sampleVhdx())
    await assert.rejects(openDisk(vhdx, { scratchFolder }), (error: unknown) => {
      assert.ok(error instanceof ToolMissing)
      assert.match(error.message, /qemu-img is not installed: install qemu-utils/)
      return true
    })
  } finally {
    process.env.PATH = known
  }
})

test('every format of QEMU opens to the bytes that went in, and leaves no scratch file', qemu, async () => {
  const data = content()
  const raw = put('in.raw', data)
  const made: [string, string, string[]?][] = [
    ['v3.qcow2', 'qcow2'],
    ['v2.qcow2', 'qcow2', ['-o', 'compat=0.10']],
    ['zlib.qcow2', 'qcow2', ['-c']],
    ['zstd.qcow2', 'qcow2', ['-c', '-o', 'compression_type=zstd']],
    ['parts.qcow2', 'qcow2', ['-o', 'extended_l2=on']],
    ['small.qcow2', 'qcow2', ['-c', '-o', 'cluster_size=512']],
    ['large.qcow2', 'qcow2', ['-c', '-o', 'cluster_size=2M,compression_type=zstd']],
    ['dynamic.vhd', 'vpc', ['-o', 'force_size=on']],
    ['fixed.vhd', 'vpc', ['-o', 'force_size=on,subformat=fixed']],
    ['dynamic.vhdx', 'vhdx'],
    ['fixed.vhdx', 'vhdx', ['-o', 'subformat=fixed']],
    ['sparse.vmdk', 'vmdk'],
    ['stream.vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
  ]
  for (const [name, format, options = []] of made) {
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, at(name)])
    const disk = await openDisk(at(name), { scratchFolder })
    assert.ok((await wholeOf(disk.bytes)).equals(data), name)
    let extentBytes = 0
    for await (const extent of disk.bytes.extents()) extentBytes += extent.length
    if (name !== 'fixed.vhd') assert.ok(extentBytes < 7 * mib, `${name} is not sparse: ${extentBytes}`)
    assert.deepEqual(fs.readdirSync(scratchFolder), [])
    await disk.bytes.close()
  }
})

test('a raw disk whose guest wrote a qcow2 header is refused by its name, and taken as raw when told so', async () => {
  const disk = Buffer.alloc(mib)
  sample.sampleQcow2().copy(disk)
  for (const name of ['guest.raw', 'guest.img', 'guest.vhd'])
    await assert.rejects(openDisk(put(name, disk), { scratchFolder }), (error: unknown) => {
      assert.ok(error instanceof UnsupportedDisk)
      assert.match(error.reason, /--format qcow2 or --format (raw|vhd)/)
      return true
    })
  const opened = await openDisk(at('guest.img'), { scratchFolder, format: 'raw' })
  assert.ok((await wholeOf(opened.bytes)).equals(disk))
  await opened.bytes.close()
})

test('a path that looks like a protocol or an option is only a path', qemu, async () => {
  for (const name of ['nbd:localhost:1', 'json:{"driver":"null-co"}', '-o backing.vmdk']) {
    const disk = await openDisk(put(name, sample.sampleVmdk()), { scratchFolder, format: 'vmdk' })
    const whole = await wholeOf(disk.bytes)
    assert.ok(whole.subarray(sample.sampleOffset, sample.sampleOffset + 512).equals(sample.sampleData))
    await disk.bytes.close()
  }
})

const qcow2Format = (virtualSizeBytes: number): DiskFormat => ({ name: 'qcow2', virtualSizeBytes, dataBytes: mib })

test('behind the inspector: a backing file is still not followed', qemu, async () => {
  put('secret.raw', Buffer.alloc(mib, 'secret'))
  const create = ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', at('secret.raw'), at('leak.qcow2')]
  execFileSync('qemu-img', create)
  await assert.rejects(openDisk(at('leak.qcow2'), { scratchFolder }), HostileDisk)
  const file = await openRawFile(at('leak.qcow2'))
  const raw = await convertToRaw(file, qcow2Format(mib), { scratchFolder })
  assert.ok((await wholeOf(raw)).every(byte => byte === 0))
  await raw.close()
  await file.close()
})

test(
  'behind the inspector: a disk larger than it claimed, or a damaged one, fails and leaves nothing',
  qemu,
  async () => {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at('large.qcow2'), '1T'])
    const damaged = sample.sampleQcow2()
    damaged.writeUInt32BE(30, 20)
    for (const name of [at('large.qcow2'), put('damaged.qcow2', damaged)]) {
      const file = await openRawFile(name)
      await assert.rejects(convertToRaw(file, qcow2Format(mib), { scratchFolder }), ConversionFailed)
      await file.close()
    }
    assert.deepEqual(fs.readdirSync(scratchFolder), [])
  },
)

test('a conversion is stopped by its signal, and not begun where its disk may not fit', qemu, async () => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at('some.qcow2'), '1M'])
  const file = await openRawFile(at('some.qcow2'))
  const stop = new AbortController()
  const stopped = convertToRaw(file, qcow2Format(mib), { scratchFolder, signal: stop.signal })
  stop.abort()
  await assert.rejects(stopped, { name: 'AbortError' })
  const huge = { ...qcow2Format(mib), dataBytes: 2 ** 60 }
  await assert.rejects(convertToRaw(file, huge, { scratchFolder }), ScratchFull)
  await file.close()
  assert.deepEqual(fs.readdirSync(scratchFolder), [])
})

test('a VHDX that was not closed cleanly is refused with what to do', qemu, async () => {
  const dirty = sample.sampleVhdx()
  const log = Buffer.alloc(8192) // one entry of the log, with one descriptor of zeros
  log.write('loge', 0, 'latin1')
  log.writeUInt32LE(4096, 8)
  log.writeBigUInt64LE(1n, 16)
  log.fill(9, 32, 48)
  log.writeBigUInt64LE(BigInt(dirty.length), 48)
  log.writeBigUInt64LE(BigInt(dirty.length), 56)
  sample.mendVhdxPart(log.subarray(0, 4096))
  log.copy(dirty, mib)
  for (const header of [64 * 1024, 128 * 1024]) dirty.fill(9, header + 48, header + 64)
  await assert.rejects(openDisk(put('dirty.vhdx', sample.mendVhdx(dirty)), { scratchFolder }), (error: unknown) => {
    assert.ok(error instanceof UnsupportedDisk, `${error}`)
    assert.match(error.reason, /not closed cleanly/)
    return true
  })
})
