import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { type DiskFormat, type InspectOptions, inspectDisk } from './inspect.ts'
import { openRawFile } from './raw-file.ts'
import * as sample from './sample-disks.contract.ts'

const mib = 2 ** 20
const gib = 2 ** 30
const inspect = (file: Buffer, options?: InspectOptions): Promise<DiskFormat> => inspectDisk(bytesOf(file), options)
const refused = async (
  file: Buffer,
  kind: typeof HostileDisk | typeof UnsupportedDisk,
  reason: RegExp,
  options?: InspectOptions,
) =>
  assert.rejects(inspect(file, options), error => {
    assert.ok(error instanceof kind, `${error}`)
    assert.match(error.reason, reason)
    return true
  })

/** A sample with some of its bytes changed. */
const changed = (file: Buffer, change: (file: Buffer) => void): Buffer => {
  change(file)
  return file
}

test('a sound disk of every format is what it is', async () => {
  const sound: [Buffer, DiskFormat][] = [
    [Buffer.alloc(4096, 1), { name: 'raw', virtualSizeBytes: 4096, dataBytes: 4096 }],
    [sample.sampleQcow2(2), { name: 'qcow2', kind: 'v2', virtualSizeBytes: 32_768, dataBytes: 512 }],
    [sample.sampleQcow2(3), { name: 'qcow2', kind: 'v3', virtualSizeBytes: 32_768, dataBytes: 512 }],
    [sample.sampleFixedVhd(), { name: 'vhd', kind: 'fixed', virtualSizeBytes: mib, dataBytes: mib }],
    [sample.sampleDynamicVhd(), { name: 'vhd', kind: 'dynamic', virtualSizeBytes: 65_536, dataBytes: 4096 }],
    [sample.sampleVhdx(), { name: 'vhdx', virtualSizeBytes: mib, dataBytes: mib }],
    [sample.sampleVmdk(), { name: 'vmdk', kind: 'monolithicSparse', virtualSizeBytes: 65_536, dataBytes: 4096 }],
    [sample.sampleVmdkStream(), { name: 'vmdk', kind: 'streamOptimized', virtualSizeBytes: 65_536, dataBytes: 4096 }],
  ]
  for (const [file, format] of sound) assert.deepEqual(await inspect(file), format)
})

test('qcow2: what reaches another file is refused, in both versions', async () => {
  for (const version of [2, 3] as const) {
    const made = () => sample.sampleQcow2(version)
    for (const backing of ['/etc/passwd', 'nbd://127.0.0.1:10809/x', 'json:{"driver":"file"}']) {
      const file = changed(made(), file => {
        file.writeBigUInt64BE(200n, 8)
        file.writeUInt32BE(backing.length, 16)
        file.write(backing, 200)
      })
      await refused(file, HostileDisk, /backing file.*Flatten/)
      await refused(file, HostileDisk, /backing file/, { format: 'qcow2' })
    }
    await refused(sample.withExtension(made(), 0xe2792aca, 'raw'), HostileDisk, /backing file/)
    await refused(sample.withExtension(made(), 0x44415441, '/etc/passwd'), HostileDisk, /external data file/)
    await refused(sample.withExtension(made(), 0x0537be77, 'x'.repeat(16)), UnsupportedDisk, /encrypted/)
    await refused(
      changed(made(), file => file.writeUInt32BE(1, 32)),
      UnsupportedDisk,
      /encrypted/,
    )
  }
  const features = (bits: bigint) => changed(sample.sampleQcow2(), file => file.writeBigUInt64BE(bits, 72))
  await refused(features(4n), HostileDisk, /another file/)
  await refused(features(2n), HostileDisk, /corrupt/)
  await refused(features(32n), UnsupportedDisk, /0x20/)
  assert.equal((await inspect(features(1n))).name, 'qcow2') // dirty: only its reference counts may be stale
})

test('qcow2: absurd and contradicting tables are refused', async () => {
  const v3 = (change: (file: Buffer) => void) => changed(sample.sampleQcow2(), change)
  await refused(
    v3(file => file.writeUInt32BE(30, 20)),
    HostileDisk,
    /clusters/,
  )
  await refused(
    v3(file => file.writeUInt32BE(0xffffffff, 36)),
    HostileDisk,
    /L1 table/,
  )
  await refused(
    v3(file => file.writeUInt32BE(0, 36)),
    HostileDisk,
    /L1 table/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(1n << 40n, 40)),
    HostileDisk,
    /L1 table.*truncated/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(7n, 40)),
    HostileDisk,
    /L1 table/,
  )
  await refused(
    v3(file => file.writeUInt32BE(0xffffffff, 56)),
    HostileDisk,
    /refcount table/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(1n << 20n, 48)),
    HostileDisk,
    /refcount table/,
  )
  await refused(
    v3(file => file.writeUInt32BE(9, 60)),
    HostileDisk,
    /snapshot table/,
  )
  await refused(
    v3(file => file.writeUInt32BE(8, 96)),
    HostileDisk,
    /reference counts/,
  )
  await refused(
    v3(file => file.writeUInt32BE(1 << 20, 100)),
    HostileDisk,
    /header claims/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(2n ** 63n, 24)),
    HostileDisk,
    /absurd/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(3n << 60n, 1536)),
    HostileDisk,
    /L1 table/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(2n ** 40n, 1536)),
    HostileDisk,
    /L2 table.*truncated/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(2n ** 40n, 2048)),
    HostileDisk,
    /cluster.*truncated/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE(2560n, 2048)),
    HostileDisk,
    /same place/,
  )
  await refused(
    v3(file => file.writeBigUInt64BE((3n << 40n) | (1n << 62n), 2048)),
    HostileDisk,
    /compressed cluster/,
  )
  await refused(
    v3(file => file.writeUInt32BE(1, 4)),
    UnsupportedDisk,
    /version 1/,
  )
})

test('a huge virtual size in a small file is refused, whatever the caller allows', async () => {
  const clusterBits = 21 // large clusters: one L1 entry describes 512 GiB
  const file = Buffer.alloc(4 * 2 ** clusterBits)
  sample.sampleQcow2(3, 60 * 2 ** 40).copy(file, 0, 0, 104)
  file.writeUInt32BE(clusterBits, 20)
  file.writeUInt32BE(2 ** 10, 36)
  file.writeBigUInt64BE(BigInt(2 ** clusterBits), 40)
  file.writeBigUInt64BE(BigInt(2 * 2 ** clusterBits), 48)
  await refused(file, HostileDisk, /at most/)
  await refused(file, HostileDisk, /at most/, { maxVirtualSizeBytes: gib })
  assert.equal((await inspect(file, { maxVirtualSizeBytes: 64 * 2 ** 40 })).dataBytes, 0)
  file.writeBigUInt64BE(65n * 2n ** 40n, 24)
  await refused(file, HostileDisk, /at most/, { maxVirtualSizeBytes: Number.MAX_SAFE_INTEGER })
})

test('VHD: parents, damage, truncation and overlapping blocks are refused', async () => {
  const differencing = sample.sampleDynamicVhd()
  for (const footer of [0, differencing.length - 512]) differencing.writeUInt32BE(4, footer + 60)
  await refused(sample.mendVhd(differencing), HostileDisk, /differencing.*Merge/)
  await refused(sample.sampleFixedVhd().subarray(512), HostileDisk, /truncated/)
  await refused(
    changed(sample.sampleFixedVhd(), file => file.writeUInt8(1, mib + 100)),
    HostileDisk,
    /checksum/,
  )
  await refused(sample.sampleDynamicVhd().subarray(0, -512), HostileDisk, /truncated/)
  const dynamic = (change: (file: Buffer) => void) => sample.mendVhd(changed(sample.sampleDynamicVhd(), change))
  await refused(
    dynamic(file => file.writeUInt32BE(4, 1540)),
    HostileDisk,
    /overlap/,
  )
  await refused(
    dynamic(file => file.writeUInt32BE(1 << 20, 1536)),
    HostileDisk,
    /truncated/,
  )
  await refused(
    dynamic(file => file.writeUInt32BE(1, 512 + 28)),
    HostileDisk,
    /can't describe/,
  )
  await refused(
    dynamic(file => file.writeUInt32BE(512, 512 + 32)),
    HostileDisk,
    /blocks of 512/,
  )
  await refused(
    dynamic(file => file.writeBigUInt64BE(32_768n, 48)),
    HostileDisk,
    /different disks/,
  )
  const absurd = dynamic(file => [0, file.length - 512].map(at => file.writeBigUInt64BE(2n ** 50n, at + 48)))
  await refused(absurd, HostileDisk, /format ends/)
})

test('VHDX: parents are refused by flag, by locator and by block; damaged tables too', async () => {
  const vhdx = (change: (file: Buffer) => unknown) => sample.mendVhdx(changed(sample.sampleVhdx(), change))
  const { bat, parameters } = sample.vhdxPlaces
  await refused(
    vhdx(file => file.writeUInt32LE(2, parameters + 4)),
    HostileDisk,
    /differencing/,
  )
  await refused(
    vhdx(file => sample.addVhdxItem(file, sample.vhdxItems.parentLocator, Buffer.alloc(20))),
    HostileDisk,
    /parent/,
  )
  await refused(
    vhdx(file => file.writeBigUInt64LE(BigInt(4 * mib) | 7n, bat)),
    HostileDisk,
    /differencing/,
  )
  await refused(
    vhdx(file => file.writeBigUInt64LE(BigInt(900 * mib) | 6n, bat)),
    HostileDisk,
    /truncated/,
  )
  await refused(
    vhdx(file => file.writeUInt32LE(3, parameters)),
    HostileDisk,
    /blocks of 3/,
  )
  await refused(
    changed(sample.sampleVhdx(), file => file.writeUInt8(1, 256 * 1024 + 100)),
    HostileDisk,
    /region table/,
  )
  await refused(
    vhdx(file => file.writeUInt8(1, 256 * 1024 + 2000)),
    HostileDisk,
    /differ/,
  )
  await refused(
    vhdx(file => file.writeUInt32LE(9999, 192 * 1024 + 8)),
    HostileDisk,
    /differ|absurd/,
  )
  await refused(sample.sampleVhdx().subarray(0, 4 * mib + 5), HostileDisk, /truncated/)
  await refused(sample.sampleVhdx().subarray(0, 300 * 1024), HostileDisk, /truncated/)
})

test('VMDK: descriptors that name other files are refused', async () => {
  const text = (createType: string, extents: string, more?: string) =>
    Buffer.from(sample.vmdkDescriptor(createType, extents, more))
  await refused(text('monolithicFlat', 'RW 128 FLAT "/etc/passwd" 0'), HostileDisk, /only a text/)
  await refused(
    Buffer.from(`\n# a comment\n${text('monolithicFlat', 'RW 128 FLAT "x" 0')}`),
    HostileDisk,
    /only a text/,
  )
  const own = 'RW 128 SPARSE "sample.vmdk"'
  const vmdk = (createType: string, extents: string, more?: string) =>
    sample.sampleVmdk(sample.vmdkDescriptor(createType, extents, more))
  await refused(vmdk('monolithicFlat', own), UnsupportedDisk, /"monolithicFlat".*Convert/)
  await refused(vmdk('monolithicSparse', 'RW 128 FLAT "/etc/passwd" 0'), HostileDisk, /other files/)
  await refused(vmdk('monolithicSparse', 'RW 128 SPARSE "/etc/passwd"'), HostileDisk, /other files/)
  await refused(vmdk('monolithicSparse', `${own}\nRW 128 SPARSE "b.vmdk"`), HostileDisk, /other files/)
  await refused(vmdk('monolithicSparse', own, 'parentFileNameHint="/etc/passwd"'), HostileDisk, /parent file/)
  assert.equal((await inspect(vmdk('streamOptimized', 'RDONLY 128 SPARSE "a.vmdk"'))).kind, 'streamOptimized') // VirtualBox
  const moved = changed(sample.sampleVmdk(), file => {
    file.copy(file, 26 * 512, 512, 1024) // a harmless descriptor where the header says, a parent where QEMU looks
    file.writeBigUInt64LE(26n, 28)
    file.writeBigUInt64LE(2n, 36)
    file.write('parentFileNameHint="/etc/passwd"\0', 512)
  })
  await refused(moved, HostileDisk, /parent file/)
  await refused(
    changed(sample.sampleVmdk(), file => file.writeBigUInt64LE(0n, 12)),
    HostileDisk,
    /no capacity/,
  )
  await refused(
    changed(sample.sampleVmdk(), file => file.writeBigUInt64LE(0n, 28)),
    UnsupportedDisk,
    /several files/,
  )
  await refused(Buffer.concat([Buffer.from('COWD'), Buffer.alloc(1020)]), UnsupportedDisk, /ESX/)
  await refused(sample.sampleVmdkStream().subarray(0, -600), HostileDisk, /cut short/)
  await refused(sample.sampleVmdk().subarray(0, 26 * 512), HostileDisk, /truncated/)
})

test('what looks like two formats, or like an archive, needs a word from the user', async () => {
  const guestWrote = sample.sampleFixedVhd()
  sample.sampleQcow2().copy(guestWrote)
  await refused(guestWrote, UnsupportedDisk, /vhd and like qcow2.*--format/)
  assert.equal((await inspect(guestWrote, { format: 'vhd' })).kind, 'fixed')
  assert.equal((await inspect(sample.sampleQcow2(), { format: 'raw' })).name, 'raw')
  await refused(Buffer.alloc(4096), UnsupportedDisk, /not in format qcow2.*raw/, { format: 'qcow2' })
  const gzip = Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(1000)])
  await refused(gzip, UnsupportedDisk, /gzip.*gunzip/)
  assert.equal((await inspect(gzip, { format: 'raw' })).name, 'raw')
  await refused(Buffer.alloc(0), UnsupportedDisk, /empty/)
})

const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }
let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'inspect-'))
})
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)
const inspectFile = async (name: string): Promise<DiskFormat> => {
  const file: SparseBytes = await openRawFile(at(name))
  return inspectDisk(file).finally(() => file.close())
}

test('QEMU takes the hand-made samples for sound, so they are refused for the right reason', qemu, () => {
  const samples: [string, string, Buffer][] = [
    ['qcow2', 'v2', sample.sampleQcow2(2)],
    ['qcow2', 'v3', sample.sampleQcow2(3)],
    ['vhdx', 'x', sample.sampleVhdx()],
    ['vmdk', 'sparse', sample.sampleVmdk()],
    ['vmdk', 'stream', sample.sampleVmdkStream()],
    ['vpc', 'dynamic', sample.sampleDynamicVhd()],
  ]
  for (const [format, name, file] of samples) {
    fs.writeFileSync(at(name), file)
    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', at(name), at('out.raw')])
    const out = fs.readFileSync(at('out.raw'))
    const { sampleData, sampleOffset } = sample
    assert.ok(out.subarray(sampleOffset, sampleOffset + sampleData.length).equals(sampleData), name)
  }
})

test('what qemu-img makes is accepted, what reaches other files by its own options is refused', qemu, async () => {
  const data = Buffer.alloc(5 * mib)
  data.fill('data', mib, 2 * mib)
  fs.writeFileSync(at('in.raw'), data)
  const make = (name: string, format: string, options: string[] = []) =>
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, at('in.raw'), at(name)])
  const accepted: [string, string, string[]?][] = [
    ['a.qcow2', 'qcow2'],
    ['b.qcow2', 'qcow2', ['-o', 'compat=0.10']],
    ['c.qcow2', 'qcow2', ['-c', '-o', 'compression_type=zstd']],
    ['d.qcow2', 'qcow2', ['-o', 'extended_l2=on']],
    ['e.qcow2', 'qcow2', ['-c', '-o', 'cluster_size=2M']],
    ['a.vhd', 'vpc', ['-o', 'force_size=on']],
    ['b.vhd', 'vpc', ['-o', 'force_size=on,subformat=fixed']],
    ['a.vhdx', 'vhdx'],
    ['b.vhdx', 'vhdx', ['-o', 'subformat=fixed']],
    ['a.vmdk', 'vmdk'],
    ['b.vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
  ]
  for (const [name, format, options] of accepted) {
    make(name, format, options)
    const found = await inspectFile(name)
    assert.equal(found.name, path.extname(name).slice(1))
    assert.equal(found.virtualSizeBytes, 5 * mib, name)
  }
  make('flat.vmdk', 'vmdk', ['-o', 'subformat=monolithicFlat'])
  await assert.rejects(inspectFile('flat.vmdk'), HostileDisk)
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', at('in.raw'), at('backed.qcow2')])
  await assert.rejects(inspectFile('backed.qcow2'), HostileDisk)
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `data_file=${at('d')}`, at('data.qcow2'), '1M'])
  await assert.rejects(inspectFile('data.qcow2'), HostileDisk)
  execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', '-F', 'vmdk', '-b', at('a.vmdk'), at('backed.vmdk')])
  await assert.rejects(inspectFile('backed.vmdk'), HostileDisk)
})
