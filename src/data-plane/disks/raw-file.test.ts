import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { fileExtents } from './file-holes.ts'
import { UnsupportedDisk } from './hostile-disk.ts'
import { openRawFile, rawFileOf, writeRawFile } from './raw-file.ts'

const mib = 2 ** 20
let folder: string
before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'raw-file-'))
})
after(() => fs.rm(folder, { recursive: true }))

/** A SparseBytes that counts what is asked of it. */
const counted = (bytes: SparseBytes) => {
  const seen = { readBytes: 0 }
  const read = (offset: number, target: Uint8Array) => {
    seen.readBytes += target.length
    return bytes.read(offset, target)
  }
  return { seen, bytes: { ...bytes, read } }
}

test('the native kernel and perl find the same data', async () => {
  const handle = await fs.open(path.join(folder, 'pieces.raw'), 'w+')
  await handle.truncate(64 * mib)
  for (let piece = 0; piece < 300; piece++) await handle.write(Buffer.alloc(4096, 1), 0, 4096, piece * 65_536)
  const found = await fileExtents(handle.fd, 64 * mib)
  assert.deepEqual(found, await fileExtents(handle.fd, 64 * mib, 'without the native kernel'))
  assert.deepEqual(
    await fileExtents(handle.fd, 100_000),
    found.filter(({ offset }) => offset < 100_000),
  )
  assert.deepEqual(await fileExtents(-1, 5), [{ offset: 0, length: 5 }], 'where nobody can tell, all is data')
  await handle.close()
})

test('what the system has in memory is read the same, by a thread of its own now and then', async () => {
  const file = path.join(folder, 'cached.raw')
  const content = Buffer.from(Float64Array.from({ length: mib }, (_, i) => i * 0.1).buffer)
  await fs.writeFile(file, content)
  const opened = await openRawFile(file)
  const target = Buffer.alloc(100_000)
  let turns = 0
  let next: NodeJS.Immediate | undefined
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  count()
  for (let offset = 0; offset < content.length; offset += target.length) {
    const part = target.subarray(0, Math.min(target.length, content.length - offset))
    await opened.read(offset, part)
    assert.ok(part.equals(content.subarray(offset, offset + part.length)))
  }
  clearImmediate(next)
  assert.ok(turns > 1, 'others had a turn')
  await fs.truncate(file, 5 * mib)
  await assert.rejects(opened.read(6 * mib, target), /truncated/)
  await opened.close()
  await assert.rejects(opened.read(0, target), { code: 'EBADF' })
})

test('a 100 GiB sparse file gives its few bytes of data without being read whole, and is written sparse again', async () => {
  const source = path.join(folder, 'sparse.raw')
  const handle = await fs.open(source, 'w')
  await handle.truncate(100 * 1024 * mib)
  await handle.write(Buffer.from('start'), 0, 5, 0)
  await handle.write(Buffer.from('far away'), 0, 8, 77 * 1024 * mib + 12_345)
  await handle.close()

  const opened = await openRawFile(source)
  const { seen, bytes } = counted(opened)
  const target = path.join(folder, 'copy.raw')
  await writeRawFile(bytes, target)
  await opened.close()

  assert.ok(seen.readBytes < 10 * mib, `${seen.readBytes} bytes were read`)
  const status = await fs.stat(target)
  assert.equal(status.size, 100 * 1024 * mib)
  assert.ok(status.blocks * 512 < mib)
  const copy = await openRawFile(target)
  const word = Buffer.alloc(8)
  await copy.read(77 * 1024 * mib + 12_345, word)
  assert.equal(word.toString(), 'far away')
  await copy.close()
})

test('extents cover all data of a sparse file, also where nobody tells its holes', async () => {
  const file = path.join(folder, 'odd-pieces.raw')
  const handle = await fs.open(file, 'w+')
  await handle.truncate(64 * mib)
  const places = [0, 5 * mib + 1, 40 * mib, 64 * mib - 3]
  for (const place of places) await handle.write(Buffer.from('abc'), 0, 3, place)
  const known = process.env.PATH
  for (const searched of [known, folder]) {
    process.env.PATH = searched // where there is no perl
    try {
      const extents = await fileExtents(handle.fd, 64 * mib, 'without the native kernel')
      for (const place of places)
        assert.ok(
          extents.some(e => e.offset <= place && place + 3 <= e.offset + e.length),
          `${place} is in no extent`,
        )
      if (searched === folder) assert.deepEqual(extents, [{ offset: 0, length: 64 * mib }])
    } finally {
      process.env.PATH = known
    }
  }
  await handle.close()
})

test('bytes of any size come back as they were, zero pages take no space, progress ends at the size', async () => {
  const content = Buffer.alloc(3 * mib + 777)
  content.fill('data', 4096 * 10, 4096 * 11)
  content.fill('tail', content.length - 5)
  const file = path.join(folder, 'odd.raw')
  const progress: number[] = []
  await writeRawFile(bytesOf(content), file, { onProgress: done => progress.push(done) })
  assert.deepEqual(await fs.readFile(file), content)
  assert.ok((await fs.stat(file)).blocks * 512 < 64 * 1024)
  assert.equal(progress.at(-1), content.length)
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
  )
})

test('a failed or stopped write leaves what was there before, and no draft', async () => {
  const file = path.join(folder, 'kept.raw')
  await fs.writeFile(file, 'before')
  const broken: SparseBytes = { ...bytesOf(Buffer.alloc(4 * mib, 1)), read: () => Promise.reject(new Error('lost')) }
  await assert.rejects(writeRawFile(broken, file), { message: 'lost' })
  const stop = new AbortController()
  const stopped = writeRawFile(bytesOf(Buffer.alloc(4 * mib, 1)), file, {
    onProgress: () => stop.abort(),
    signal: stop.signal,
  })
  await assert.rejects(stopped, { name: 'AbortError' })
  assert.equal(await fs.readFile(file, 'utf8'), 'before')
  assert.deepEqual(
    (await fs.readdir(folder)).filter(name => name.includes('partial')),
    [],
  )
})

test('a read outside of the file, and a file that is no file, are refused', async () => {
  const file = path.join(folder, 'small.raw')
  await fs.writeFile(file, 'hello')
  const bytes = await openRawFile(file)
  await assert.rejects(bytes.read(3, Buffer.alloc(3)), RangeError)
  await bytes.close()
  await assert.rejects(openRawFile(folder), UnsupportedDisk)
})

test('whether the disk of the source or that of the target failed is told by the name of the file', async () => {
  const failing = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  const handle = {
    stat: async () => ({ isFile: () => true, size: 4096, blocks: 8 }),
    read: () => Promise.reject(failing),
  } as unknown as fs.FileHandle
  const target = path.join(folder, 'copy.raw')
  const source = await rawFileOf(handle, 'source.raw', 'is not there')
  await assert.rejects(writeRawFile(source, target), {
    path: 'source.raw',
    message: "EIO: i/o error, read 'source.raw'",
  })
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const writeTo = () => Promise.reject(full)
  await assert.rejects(writeRawFile({ ...bytesOf(Buffer.alloc(4096, 1)), writeTo }, target), { path: target })
})
