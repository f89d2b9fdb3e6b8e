import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { contentOf, ingestBytes, noise } from '#data-plane/chunks/temporary-store.ts'
import { systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { seededRandom, systemRandom } from '#foundation/random.ts'

const script = path.join(import.meta.dirname, 'receiving.ts')
const parts = { files: nodeFiles, random: systemRandom, clock: systemClock, workers: hashInThread() }

/** What a receive said, which may be killed so long after it began. */
const receive = async (args: readonly string[], killAfterMs?: number): Promise<Record<string, number>> => {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => child.on('close', (code, signal) => resolve(signal ?? code)))
  const said: Record<string, number> = {}
  for await (const line of createInterface(child.stdout)) {
    const [word = '', count] = line.split(' ')
    said[word] = Number(count)
    if (word === 'had' && killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  }
  const end = await ended
  if (killAfterMs === undefined) assert.equal(end, 0)
  return said
}

test('a receive that is killed at any moment goes on with what it had, and sends only the rest', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'receive-killed-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')]
  const image = noise(1, 24 * 1024 * 1024)
  const source = await openStore(from, parts)
  const { manifest } = await ingestBytes(source, image, 'v1')
  const { chunks } = await source.stats()
  await source.close()

  const seed = randomInt(1_000_000)
  t.diagnostic(`SEED=${seed}`)
  const chance = seededRandom(seed)
  const had: number[] = []
  let last: Record<string, number> = {}
  for (let attempt = 0; last.sent === undefined; attempt++) {
    // On a slow disk nothing may be durable so soon: then the next one lives longer.
    const isSpared = attempt >= 4 && had.at(-1)! > 0
    last = await receive([from, to, manifest], isSpared ? undefined : chance.next() * 60 * (2 + attempt))
    had.push(last.had!)
  }
  assert.deepEqual(
    had,
    had.toSorted((a, b) => a - b),
    'nothing that was durable is lost',
  )
  assert.ok(last.had! > 0 && last.had! < chunks, `${had} of ${chunks} chunks were there`)
  assert.equal(last.sent, chunks - last.had!, 'only what was missing was sent')

  const target = await openStore(to, parts)
  t.after(() => target.close())
  assert.ok((await contentOf(target, manifest)).equals(image))
  assert.deepEqual((await target.verify(undefined, { deep: true })).corrupt, [])
})
