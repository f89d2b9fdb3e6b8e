import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf, type ChangedBytes, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { openDisk, openOverlay } from './open-disk.ts'
import { openQcow2, openQcow2Overlay } from './open-qcow2.ts'
import { sampleQcow2, withExtension } from './sample-disks.contract.ts'

const mib = 2 ** 20
const qemu = spawnSync('qemu-img', ['--version']).status === 0 ? {} : { skip: 'qemu-img is not installed' }
let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'open-overlay-'))
})
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)
const run = (tool: string, ...args: string[]) => execFileSync(tool, args, { stdio: 'pipe' })

/** The bytes of before with a change applied, read as a store would. */
const applied = async (whole: Buffer, change: ChangedBytes): Promise<Buffer> => {
  const image = Buffer.alloc(change.sizeBytes)
  whole.copy(image)
  let end = 0
  for await (const { kind, offset, length } of change.changes()) {
    assert.ok(offset >= end && length > 0 && offset + length <= change.sizeBytes)
    end = offset + length
    image.fill(0, offset, end)
    if (kind === 'data') await change.read(offset, image.subarray(offset, end))
  }
  return image
}

const layouts = [
  { name: 'as qemu-img makes it', options: 'compat=1.1' },
  { name: 'with small clusters', options: 'cluster_size=512' },
  { name: 'of version 2', options: 'compat=0.10' },
  { name: 'with parts of clusters', options: 'extended_l2=on,cluster_size=16k' },
]

for (const { name, options } of layouts) {
  test(`an overlay ${name} changes what the guest changed`, qemu, async () => {
    const { next } = seededRandom(5)
    const whole = Buffer.alloc(8 * mib, 'what the guest has started from')
    fs.writeFileSync(at('base.raw'), whole)
    fs.rmSync(at('overlay.qcow2'), { force: true })
    run(
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      at('base.raw'),
      '-F',
      'raw',
      '-o',
      options,
      at('overlay.qcow2'),
      '9M',
    )
    const commands = Array.from({ length: 40 }, (_, index) => {
      const [offset, length] = [Math.floor(next() * 17_000) * 512, (1 + Math.floor(next() * 300)) * 512]
      const verb = ['write', 'write', 'write -z', 'write -z -u', 'discard'][Math.floor(next() * 5)]
      return `${verb} ${verb === 'write' ? `-P ${1 + (index % 255)} ` : ''}${offset} ${length}`
    })
    run('qemu-io', '-f', 'qcow2', ...commands.flatMap(command => ['-c', command]), at('overlay.qcow2'))
    run('qemu-img', 'convert', '-O', 'raw', at('overlay.qcow2'), at('flat.raw'))
    fs.rmSync(at('base.raw')) // nothing below may look at it
    await assert.rejects(openDisk(at('overlay.qcow2'), { scratchFolder: folder }), /never followed/)
    const change = await openOverlay(at('overlay.qcow2'), {})
    assert.ok(change)
    assert.ok((await applied(whole, change)).equals(fs.readFileSync(at('flat.raw'))))
    await change.close()
  })
}

test('only a qcow2 image with a backing file is an overlay, and a name that says something else is not believed', async () => {
  fs.writeFileSync(at('whole.qcow2'), sampleQcow2(3))
  fs.writeFileSync(at('short.raw'), 'QF')
  fs.writeFileSync(at('guest.raw'), overlay())
  assert.equal(await openOverlay(at('whole.qcow2'), {}), undefined)
  assert.equal(await openOverlay(at('short.raw'), {}), undefined)
  assert.equal(await openOverlay(at('guest.raw'), { format: 'raw' }), undefined)
  await assert.rejects(openOverlay(at('guest.raw'), {}), UnsupportedDisk)
})

/** A sample that names a backing file, and its format, as QEMU does. */
const overlay = (): Buffer => {
  const file = withExtension(sampleQcow2(3), 0xe2792aca, 'raw')
  file.writeBigUInt64BE(200n, 8)
  file.writeUInt32BE(9, 16)
  file.write('/etc/host', 200, 'latin1')
  return file
}

test('damaged overlays are refused or read within their bounds, and cost little', async () => {
  const { next } = seededRandom(11)
  const sound = overlay()
  await assert.rejects(openQcow2(bytesOf(sound)), HostileDisk)
  const seen = { sound: 0, refused: 0 }
  for (let round = 0; round < 1500; round++) {
    const file = Buffer.from(sound)
    for (let change = 0; change <= next() * 4; change++) {
      const [start, length] = next() < 0.5 ? [0, 512] : [1536, 1024]
      file[start + Math.floor(next() * length)] = next() < 0.3 ? 0 : Math.floor(next() * 256)
    }
    const source: SparseBytes = bytesOf(next() < 0.1 ? file.subarray(0, Math.floor(next() * file.length)) : file)
    try {
      const change = await openQcow2Overlay(source)
      if (!change) continue
      seen.sound++
      let runs = 0
      for await (const { kind, offset, length } of change.changes()) {
        assert.ok(offset >= 0 && length > 0 && offset + length <= change.sizeBytes)
        if (kind === 'data') await change.read(offset, Buffer.alloc(Math.min(length, 4096)))
        if (++runs > 1000) break
      }
    } catch (error) {
      if (!(error instanceof HostileDisk || error instanceof UnsupportedDisk)) throw error
      seen.refused++
    }
  }
  assert.ok(seen.sound > 100 && seen.refused > 100, JSON.stringify(seen))
})
