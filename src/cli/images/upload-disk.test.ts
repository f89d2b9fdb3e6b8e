import assert from 'node:assert/strict'
import test from 'node:test'
import { ArmRefused } from '../client/arm-client.ts'
import { startFrom } from './upload-disk.ts'

const disk = { id: '/disk', location: 'eastus', osType: 'Linux', hyperVGeneration: 'V2' }
const started = { sizeBytes: 4096, manifest: 'm' }

const startWith = (isWished: boolean, startUploadFrom: () => Promise<typeof started>) => {
  const rangesOfVersion = async () => ({ ...started, ranges: [[0, 4096, 'c']] as never })
  return startFrom({ admin: { startUploadFrom, rangesOfVersion } }, disk, { id: '/version', isWished }, 4096)
}
const refuse = (status: number, code: string) => () => Promise.reject(new ArmRefused(status, code, 'No.'))

test('only an upload that is surely empty is sent without its zeros', async () => {
  const ranges = await startWith(false, async () => started)
  for await (const some of ranges!) assert.deepEqual(some, [{ offset: 0, length: 4096, chunk: 'c' }])
  for (const [status, code] of [
    [403, 'AuthorizationFailed'],
    [409, 'SourceDamaged'],
  ] as const) {
    assert.equal(await startWith(false, refuse(status, code)), undefined)
    await assert.rejects(startWith(true, refuse(status, code)), { code })
  }
  for (const [status, code] of [
    [409, 'UploadBegun'],
    [500, 'InternalServerError'],
    [503, 'ServiceUnavailable'],
  ] as const)
    await assert.rejects(startWith(false, refuse(status, code)), { code })
})
