import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { serveNbd } from './serve-nbd.ts'
import { serveTestImage, testImage } from './test-nbd-server.ts'

const mib = 2 ** 20
const run = promisify(execFile)
const needs = (tool: string, packageName: string) =>
  spawnSync(tool, ['--version']).status === 0 ? {} : { skip: `${tool} is not installed (${packageName})` }

/** The image with its URI, and what its bytes must be where it is copied to. */
const served = async (t: TestContext) => {
  const { image, server, folder, socketFile } = await serveTestImage(t)
  const copy = path.join(folder, 'copy.raw')
  const isWhole = async () => assert.ok((await fs.readFile(copy)).subarray(0, image.sizeBytes).equals(image.content))
  return { image, server, uri: `nbd+unix:///?socket=${socketFile}`, copy, isWhole }
}

test('nbdinfo sees a read-only export and its holes', needs('nbdinfo', 'libnbd-bin'), async t => {
  const { image, uri } = await served(t)
  const { stdout } = await run('nbdinfo', ['--json', uri])
  const [told] = JSON.parse(stdout).exports
  assert.equal(told['export-size'], image.sizeBytes)
  assert.equal(told.is_read_only, true)
  assert.equal(told.can_multi_conn, true)
  assert.deepEqual(told.contexts, ['base:allocation'])
  const map = JSON.parse((await run('nbdinfo', ['--json', '--map', uri])).stdout)
  assert.deepEqual(
    map.map(({ offset, type }: { offset: number; type: number }) => [offset, type]),
    [
      [0, 0],
      [4096, 3],
      [mib - 4096, 0],
      [3 * mib - 4096, 3],
      [4 * mib, 0],
    ],
  )
  assert.match((await run('nbdinfo', ['--list', uri])).stdout, /an image/)
})

test('nbdcopy copies it by many requests at once', needs('nbdcopy', 'libnbd-bin'), async t => {
  const { uri, copy, isWhole } = await served(t)
  await run('nbdcopy', [uri, copy])
  await isWhole()
  const { blocks } = await fs.stat(copy)
  assert.ok(blocks * 512 < 4 * mib, 'holes stay holes')
})

test('qemu-img converts and compares it', needs('qemu-img', 'qemu-utils'), async t => {
  const { image, uri, copy, isWhole } = await served(t)
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', uri, copy])
  await isWhole()
  const info = JSON.parse((await run('qemu-img', ['info', '--output=json', '-f', 'raw', uri])).stdout)
  assert.equal(info['virtual-size'], image.sizeBytes)
})

test('qemu-io reads it and can not write it', needs('qemu-io', 'qemu-utils'), async t => {
  const { uri } = await served(t)
  const { stdout } = await run('qemu-io', ['-r', '-f', 'raw', '-c', 'read -P 0 3M 512k', '-c', 'read 1M 2M', uri])
  assert.doesNotMatch(stdout, /verification failed|read failed/)
  await assert.rejects(run('qemu-io', ['-f', 'raw', '-c', 'write 0 512', uri]), /read-only|Permission/i)
})

test('nbdcopy reads over TLS with a certificate that it checks', needs('nbdcopy', 'libnbd-bin'), async t => {
  const certificate = trustedTestCertificate()
  const { folder } = await serveTestImage(t)
  const image = testImage()
  const server = await serveNbd(
    { host: '127.0.0.1', port: 0 },
    {
      exports: [{ name: 'key', description: '', bytes: image }],
      isListed: false,
      tls: () => certificate,
      clock: systemClock,
      log: silentLog,
    },
  )
  t.after(() => server.close())
  await fs.writeFile(path.join(folder, 'ca-cert.pem'), certificate.cert)
  const { port } = server.address as { port: number }
  const copy = path.join(folder, 'copy.raw')
  const uri = (name: string, folderOfCa = folder) => `nbds://127.0.0.1:${port}/${name}?tls-certificates=${folderOfCa}`
  await run('nbdcopy', [uri('key'), copy])
  assert.ok((await fs.readFile(copy)).equals(image.content))
  await assert.rejects(run('nbdinfo', [uri('guess')]), /guess/)
  await assert.rejects(run('nbdinfo', ['--list', uri('')]))
})
