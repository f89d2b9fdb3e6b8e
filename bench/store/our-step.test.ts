import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { Peaks } from './our-step.ts'

test('steps in processes of their own tell what they found, and what they held in memory', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-steps-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const [image, store, restored] = [
    path.join(folder, 'image'),
    path.join(folder, 'store'),
    path.join(folder, 'restored'),
  ]
  const bytes = randomBytes(300_000)
  await fs.writeFile(image, bytes)
  const peaks = new Peaks()
  const published = await peaks.step('publish', 'publish', store, image, 'v1')
  assert.equal(published.newBytes, bytes.length)
  await peaks.step('restore', 'restore', store, 'v1', restored)
  assert.deepEqual(await fs.readFile(restored), bytes)
  const collected = await peaks.step('collect', 'collect', store, 'v1')
  assert.ok((collected.freedBytes ?? 0) >= bytes.length, JSON.stringify(collected))
  assert.deepEqual(
    peaks.all().map(([label]) => label),
    ['publish', 'restore', 'collect'],
  )
  assert.ok(peaks.all().every(([, mostMiB]) => mostMiB > 10 && mostMiB < 4096))
  await assert.rejects(peaks.step('restore', 'restore', store, 'v1', restored), /Nothing is held as v1/)
})
