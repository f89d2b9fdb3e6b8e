import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { type Files, nodeFiles, type OpenFile } from '#foundation/files.ts'
import { seededRandom, systemRandom } from '#foundation/random.ts'
import { bytesOf, type Extent, type SparseBytes } from '#foundation/sparse-bytes.ts'
import type { ChunkStore, Heal, ManifestId } from './chunk-store.ts'
import { type HashWorkers, hashInThread } from './hash-workers.ts'
import { openStore } from './open-store.ts'

/** The real files without waiting for the disk: what an fsync is for is simulated elsewhere. */
const unsyncedFiles: Files = {
  ...nodeFiles,
  open: async (file, mode) => ({ ...(await nodeFiles.open(file, mode)), sync: async () => {} }),
  syncDirectory: async () => {},
}

/** A store for one test, in a folder that goes with it. `reopen` closes it and opens what is on the disk. */
export interface TemporaryStore {
  readonly folder: string
  readonly store: ChunkStore
  reopen(): Promise<ChunkStore>
}

export interface TemporaryParts {
  readonly heal?: Heal
  readonly files?: Files
  readonly workers?: HashWorkers
  readonly reserveBytes?: number
}

export const temporaryStore = async (
  t: TestContext,
  parts: TemporaryParts = {},
): Promise<TemporaryStore & { readonly clock: FakeClock }> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'chunks-'))
  const clock = new FakeClock()
  const open = () =>
    openStore(folder, {
      files: unsyncedFiles,
      random: systemRandom,
      clock,
      workers: hashInThread(),
      ...parts,
    })
  const made = {
    folder,
    clock,
    store: await open(),
    async reopen() {
      await made.store.close()
      made.store = await open()
      return made.store
    },
  }
  t.after(async () => {
    await made.store.close()
    await fs.rm(folder, { recursive: true, force: true })
  })
  return made
}

/** Noise that is the same for the same seed. */
export const noise = (seed: number, sizeBytes: number): Buffer => {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  const random = seededRandom(seed)
  for (let i = 0; i < words.length; i++) words[i] = random.next() * 2 ** 32
  return Buffer.from(words.buffer, 0, sizeBytes)
}

/** An image of a size with content at some places: what a sparse file is. */
export const sparse = (sizeBytes: number, parts: readonly { offset: number; bytes: Uint8Array }[]): SparseBytes => ({
  sizeBytes,
  async *extents(): AsyncGenerator<Extent> {
    for (const { offset, bytes } of parts) yield { offset, length: bytes.length }
  },
  async read(offset, target) {
    target.fill(0)
    for (const part of parts) {
      const start = Math.max(offset, part.offset)
      const end = Math.min(offset + target.length, part.offset + part.bytes.length)
      if (start < end) target.set(part.bytes.subarray(start - part.offset, end - part.offset), start - offset)
    }
  },
  async close() {},
})

export const contentOf = async (store: ChunkStore, manifest: ManifestId): Promise<Buffer> => {
  const bytes = await store.open(manifest)
  const content = Buffer.alloc(bytes.sizeBytes)
  await bytes.read(0, content)
  await bytes.close()
  return content
}

export const ingestBytes = (store: ChunkStore, bytes: Uint8Array, hold: string) => store.ingest(bytesOf(bytes), hold)

/** The only file of a folder whose name ends so. */
export const only = async (folder: string, ending: string): Promise<string> => {
  const names = (await fs.readdir(folder)).filter(name => name.endsWith(ending))
  assert.equal(names.length, 1)
  return path.join(folder, names[0]!)
}

/** Changes one bit behind everybody's back. */
export const flip = async (file: string, at: number): Promise<void> => {
  const bytes = await fs.readFile(file)
  bytes[at]! ^= 1
  await fs.writeFile(file, bytes)
}

/** The real files, but calls of one kind on one kind of file wait, or fail, as the test says. */
export const gated = (kind: keyof OpenFile, ending: string, gate: () => Promise<void>): Files => ({
  ...nodeFiles,
  async open(file, mode) {
    const open = await nodeFiles.open(file, mode)
    if (!file.endsWith(ending)) return open
    const call = open[kind] as (...given: unknown[]) => Promise<unknown>
    const gatedCall = async (...given: unknown[]) => {
      await gate()
      return call(...given)
    }
    return { ...open, [kind]: gatedCall }
  },
})
