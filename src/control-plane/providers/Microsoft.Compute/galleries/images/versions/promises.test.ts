import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Resources } from '#resources/resources.ts'
import { noise, ofDisk, regions, startTestGallery, version } from '../../test-gallery.ts'
import { versionPromises } from './promises.ts'
import { imageVersionType } from './version-properties.ts'

const first = version('1.0.0')

/** The regions that the version is promised to, when something happens just behind the look at the versions in place. */
const promisedRegions = async (
  arm: Awaited<ReturnType<typeof startTestGallery>>,
  happen: () => Promise<unknown>,
): Promise<string[]> => {
  const { resources } = arm.arm
  const list: Resources['list'] = async selection => {
    const page = await resources.list(selection)
    if (selection.type === imageVersionType) await happen()
    return page
  }
  const found: string[] = []
  for await (const { region } of versionPromises({ ...resources, list }, arm.regions)) found.push(region)
  return [...new Set(found)].toSorted()
}

test('a version that goes into the recycle bin or out of it meanwhile is promised', async t => {
  const gallery = { softDeletePolicy: { isSoftDeleteEnabled: true } }
  const arm = await startTestGallery({ gallery, regions: ['eastus', 'westus2'] })
  t.after(() => arm.close())
  await arm.done('PUT', first, ofDisk(await arm.snapshot('snap', noise(1)), regions('eastus', 'westus2')))
  assert.deepEqual(await promisedRegions(arm, () => arm.done('DELETE', first)), ['eastus', 'westus2'])
  const restore = () => arm.done('PUT', first, { location: 'eastus', tags: {} })
  assert.deepEqual(await promisedRegions(arm, restore), ['eastus', 'westus2'])
  assert.deepEqual(await promisedRegions(arm, async () => {}), ['eastus', 'westus2'])
})
