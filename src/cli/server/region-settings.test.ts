import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { Failure } from '../failure.ts'
import { keepRegions, parseRegions, readRegions } from './region-settings.ts'

test('regions are kept for later starts; a file that names none is told by its name', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-regions-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  assert.equal(await readRegions(folder), undefined)
  const regions = parseRegions(['eastus', 'westeurope=https://eu.example.org:9500/main'], folder)
  await keepRegions(folder, regions)
  assert.deepEqual(await readRegions(folder), regions)
  for (const text of ['{', '{}', '[]', '[null]', '[{"name":"eastus"}]', '[{"name":"eastus","stores":[1]}]']) {
    await fs.writeFile(path.join(folder, 'regions.json'), text)
    await assert.rejects(readRegions(folder), error => error instanceof Failure && /regions\.json/.test(error.message))
  }
})
