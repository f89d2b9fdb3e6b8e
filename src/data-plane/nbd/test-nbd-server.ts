import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { seededRandom } from '#foundation/random.ts'
import type { Extent, SparseBytes } from '#foundation/sparse-bytes.ts'
import { type NbdParts, type NbdServer, serveNbd } from './serve-nbd.ts'

const mib = 2 ** 20

/** An image with holes at odd places, which counts how it is read and can be told to fail. */
export interface TestImage extends SparseBytes {
  readonly content: Buffer
  readonly reads: Extent[]
  /** Reads that touch this byte fail. */
  lostAt: number
  isClosed: boolean
}

export const testImage = (sizeBytes = 5 * mib + 512): TestImage => {
  const content = Buffer.alloc(sizeBytes)
  const random = seededRandom(7)
  const extents: Extent[] = [
    { offset: 0, length: 1000 },
    { offset: mib - 4096, length: 2 * mib },
    { offset: 4 * mib + 3, length: Math.max(0, sizeBytes - 4 * mib - 3) },
  ].filter(({ offset, length }) => length > 0 && offset + length <= sizeBytes)
  for (const { offset, length } of extents) content.set(random.bytes(length), offset)
  const image: TestImage = {
    sizeBytes,
    content,
    reads: [],
    lostAt: -1,
    isClosed: false,
    async *extents() {
      yield* extents
    },
    async read(offset, target) {
      image.reads.push({ offset, length: target.length })
      await new Promise(resolve => setImmediate(resolve))
      if (offset <= image.lostAt && image.lostAt < offset + target.length) throw new Error('lost')
      target.set(content.subarray(offset, offset + target.length))
    },
    async close() {
      image.isClosed = true
    },
  }
  return image
}

/** The image, served on a unix socket in a folder that goes with the test. */
export const serveTestImage = async (
  t: TestContext,
  parts: Partial<NbdParts> = {},
  image = testImage(),
): Promise<{ image: TestImage; server: NbdServer; folder: string; socketFile: string }> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'nbd-'))
  const socketFile = path.join(folder, 'image.sock')
  const server = await serveNbd(
    { socketFile },
    {
      exports: [{ name: '', description: 'an image', bytes: image }],
      clock: systemClock,
      log: silentLog,
      ...parts,
    },
  )
  t.after(async () => {
    await server.close()
    await fs.rm(folder, { recursive: true, force: true })
  })
  return { image, server, folder, socketFile }
}
