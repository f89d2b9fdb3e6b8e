import assert from 'node:assert/strict'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { ArmError } from '#arm/arm-error.ts'
import { dynamicVhd } from '#data-plane/disks/sample-disks.contract.ts'
import { systemClock } from '#foundation/clock.ts'
import { diskImage, fixedVhd, mebibyte, noise } from '../../../../test/scenarios/disk-image.ts'
import { startTestArm, type TestArm } from '../../../../test/support/test-arm.ts'
import { type TakeParts, takeDisk } from './disk-origin.ts'
import { testSigning } from './galleries/images/versions/test-signing.ts'
import type { StoredDisk } from './stored-disk.ts'
import { testHosting } from './test-hosting.ts'

const image = diskImage(20, 6)
const block = noise(1, mebibyte)
const stored = [{ block: 5, bitmap: Buffer.alloc(512, 0xff), data: block }]
const sparse = { imageSizeBytes: 8 * mebibyte, blockBytes: mebibyte, stored }
const files: Record<string, Buffer> = {
  '/fixed.vhd': fixedVhd(image),
  '/odd.vhd': fixedVhd(Buffer.alloc(mebibyte + 512)),
  '/raw.img': image,
  '/torn.vhd': fixedVhd(image).subarray(512),
}

let arm: TestArm
let server: http.Server
let parts: TakeParts
let origin: string
before(async () => {
  arm = await startTestArm({ regions: ['eastus'] })
  server = http.createServer((request, response) => {
    const file = files[request.url?.split('?')[0] ?? '']
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (!file || first === undefined) return response.writeHead(404).end()
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${file.length}` })
    response.end(file.subarray(Number(first), Number(last) + 1))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  origin = `http://files.example.com:${(server.address() as AddressInfo).port}`
  const network = { clock: systemClock, resolve: async () => ['127.0.0.1'], isReachable: () => true }
  parts = {
    regions: arm.regions,
    resources: arm.arm.resources,
    catalog: arm.catalog,
    hosting: testHosting(),
    signing: testSigning(),
    allowedVhdHosts: [origin],
    network,
  }
})
after(async () => {
  server.close().closeAllConnections()
  await arm.close()
})

const take = (file: string, hold: string) =>
  takeDisk({ from: 'url', url: `${origin}${file}?sig=secret` }, { region: 'eastus', hold, diskName: 'd' }, parts, {})
const bytesOf = async ({ manifest, sizeBytes }: StoredDisk): Promise<Buffer> => {
  const file = await arm.regions.open('eastus', manifest)
  const bytes = Buffer.alloc(sizeBytes)
  await file.read(0, bytes)
  await file.close()
  return bytes
}

test('a VHD on an allowed host is fetched and held without its footer', async () => {
  const disk = await take('/fixed.vhd', 'one')
  assert.equal(disk.sizeBytes, image.length)
  assert.ok((await bytesOf(disk)).equals(image))
})

test('a dynamic VHD is read as the disk that it describes', async () => {
  files['/dynamic.vhd'] = dynamicVhd(sparse)
  const disk = await take('/dynamic.vhd', 'two')
  const bytes = await bytesOf(disk)
  assert.equal(bytes.length, sparse.imageSizeBytes)
  assert.ok(bytes.subarray(5 * mebibyte, 6 * mebibyte).equals(block))
  assert.ok(bytes.subarray(0, 5 * mebibyte).every(byte => byte === 0))
})

test('what is no VHD, is torn, has no whole MiB, or is not there leaves no hold and no secret in the message', async () => {
  for (const [file, code] of [
    ['/raw.img', 'InvalidVhd'],
    ['/torn.vhd', 'InvalidVhd'],
    ['/odd.vhd', 'InvalidVhd'],
    ['/none.vhd', 'SourceNotAccessible'],
  ] as const)
    await assert.rejects(take(file, 'bad'), (error: ArmError) => {
      assert.ok(error instanceof ArmError, String(error))
      assert.equal(error.code, code, file)
      assert.ok(!error.message.includes('secret'))
      return true
    })
  const names: string[] = []
  for await (const { name } of arm.regions.holds('eastus')) names.push(name)
  assert.deepEqual(names.toSorted(), ['one', 'two'])
})
