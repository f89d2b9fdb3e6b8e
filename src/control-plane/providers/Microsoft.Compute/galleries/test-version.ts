import assert from 'node:assert/strict'
import { disksOf } from '../stored-disk.ts'
import { isVersionHold } from './images/versions/promises.ts'
import type { TestGallery } from './test-gallery.ts'

/** The bytes that a region gives back for a slot of a version. */
export const readBack = async (
  arm: TestGallery,
  path: string,
  region: string,
  slot: 'os' | number = 'os',
): Promise<Buffer> => {
  const disks = disksOf((await arm.arm.resources.find(path.toLowerCase())) ?? assert.fail(`${path} is missing`))
  const disk = slot === 'os' ? disks?.os : disks?.data.find(({ lun }) => lun === slot)
  assert.ok(disk, `${path} has no disk ${slot}`)
  const bytes = await arm.regions.open(region, disk.manifest)
  try {
    const target = Buffer.alloc(bytes.sizeBytes)
    await bytes.read(0, target)
    return target
  } finally {
    await bytes.close()
  }
}

/** Names of versions' holds on disks by region, without the uid; each version has one more, on what is signed of it. */
export const holds = async (arm: TestGallery): Promise<Record<string, string[]>> => {
  const found: Record<string, string[]> = {}
  for (const region of arm.regions.names) {
    const names: string[] = []
    for await (const { name } of arm.regions.holds(region))
      if (isVersionHold(name) && !name.includes('/signed-')) names.push(name.replace(/@[^/]+/, ''))
    if (names.length > 0) found[region] = names
  }
  return found
}

export const status = async (arm: TestGallery, path: string) =>
  (await arm.done('GET', path, undefined, { $expand: 'ReplicationStatus' })).properties.replicationStatus

/** Waits for the work on a resource, moving the clock for what waits for it; its properties. */
export const settle = async (arm: TestGallery, path: string): Promise<{ provisioningState: string }> => {
  for (;;) {
    const { status: code, body } = await arm.send('GET', path)
    if (code === 404) return { provisioningState: 'Gone' }
    if (!['Creating', 'Updating', 'Deleting'].includes(body.properties.provisioningState)) return body.properties
    arm.clock.advance(1000)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** The record of the work that an answer promised. */
export const operationOf = (arm: TestGallery, headers: Readonly<Record<string, string>>) =>
  arm.operations.find(/capsOperations\/([0-9a-f-]+)/.exec(headers['azure-asyncoperation'] ?? '')?.[1] ?? '')
