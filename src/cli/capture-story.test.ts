import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { systemRandom } from '#foundation/random.ts'
import { configOf } from '../config.ts'
import { startServer } from '../main.ts'
import { runCommand } from './test-shell.ts'

const mib = 2 ** 20
const noQemu = spawnSync('qemu-img', ['--version']).status === 0 ? false : 'qemu-img is not installed'

test('of a version that follows another only what differs travels', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-capture-'))
  const data = path.join(folder, 'data')
  const regions = ['eastus', 'westeurope'].map(name => ({ name, stores: [`file://${folder}/${name}`] }))
  const server = await startServer(configOf({ dataFolder: data, port: 0, regions }))
  t.after(async () => {
    await server.stop()
    await fs.rm(folder, { recursive: true, force: true })
  })
  const at = (name: string) => path.join(folder, name)
  const command = async (...args: string[]) => await runCommand([...args, '--data', data])
  const told = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await command(...args, '--json')
    assert.equal(exitCode, 0, stderr)
    return { ...JSON.parse(stdout), stderr }
  }
  const publish = (file: string, ...more: string[]) => told('publish', at(file), '--definition', 'web', ...more)
  const pullsAs = async (version: string, file: string) => {
    const pulled = at(`pulled-${version}.raw`)
    await told('pull', `images/gallery/web/${version}`, pulled)
    assert.ok((await fs.readFile(pulled)).equals(await fs.readFile(at(file))), `${version} is ${file}`)
  }

  // The front is data, then come zeros that the disk's size has to have.
  const image = Buffer.concat([systemRandom.bytes(6 * mib), Buffer.alloc(14 * mib)])
  await fs.writeFile(at('base.raw'), image)
  const first = await publish('base.raw', '--hyper-v-generation', 'V2')

  await t.test('a raw image against the latest version: changed, cleared and added pages', async () => {
    const next = Buffer.concat([image, Buffer.alloc(2 * mib)])
    systemRandom.bytes(9000).copy(next, 2 * mib + 100)
    next.fill(0, 4 * mib, 5 * mib)
    systemRandom.bytes(5000).copy(next, 18 * mib)
    systemRandom.bytes(512).copy(next, next.length - 512)
    await fs.writeFile(at('next.raw'), next)
    const second = await publish('next.raw')
    assert.equal(second.base, first.id)
    assert.ok(first.base === undefined && first.sentBytes > 6 * mib)
    assert.ok(second.sentBytes < mib, `${second.sentBytes} bytes were sent`)
    assert.ok(second.differingBytes > mib && second.differingBytes < 3 * mib, `${second.differingBytes} bytes differ`)
  })

  await t.test('one that is smaller than the latest is sent as a whole, unless a base is asked for', async () => {
    await fs.writeFile(at('smaller.raw'), image.subarray(0, 5 * mib + 5))
    const whole = await publish('smaller.raw')
    assert.ok(whole.base === undefined && whole.sentBytes > 5 * mib)
    const wished = await publish('smaller.raw', '--base', '1.0.1')
    assert.ok(wished.sentBytes < 2 * mib && wished.differingBytes > 2 * mib)
  })

  await t.test('a qcow2 overlay on a version, its backing file unread', { skip: noQemu }, async () => {
    const run = (tool: string, ...args: string[]) => execFileSync(tool, args, { stdio: 'pipe' })
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', at('base.raw'), '-F', 'raw', at('overlay.qcow2'), '22M')
    const writes = ['write -P 7 1M 64k', 'write -P 8 5000k 4k', 'write -z 3M 1M', 'write -P 9 21M 512k']
    run('qemu-io', '-f', 'qcow2', ...writes.flatMap(write => ['-c', write]), at('overlay.qcow2'))
    run('qemu-img', 'convert', '-O', 'raw', at('overlay.qcow2'), at('flat.raw'))
    await fs.rm(at('base.raw')) // whoever follows the overlay to it fails

    const captured = await publish('overlay.qcow2', '--base', '1.0.0', '--version', '2.0.0')
    assert.equal(captured.sizeBytes, 22 * mib)
    assert.ok(captured.sentBytes < mib, `${captured.sentBytes} bytes were sent`)
    assert.ok(captured.newBytes < 2 * mib, `${captured.newBytes} bytes are new`)
    for (const [args, exitCode, expected] of [
      [['overlay.qcow2', '--no-base'], 1, /names a backing file, which is never followed/],
      [['overlay.qcow2', '--base', '9.9.9'], 2, /There is no version .*9\.9\.9/],
      [['overlay.qcow2', '--base', '1.0.0', '--regions', 'westeurope'], 1, /region/],
    ] as const) {
      const [file, ...more] = args
      const failed = await command('publish', at(file), '--definition', 'web', ...more)
      assert.equal(failed.exitCode, exitCode, failed.stderr)
      assert.match(failed.stderr, expected)
    }
  })

  await t.test('all of them come back as they were', async () => {
    const captured = noQemu ? [] : [pullsAs('2.0.0', 'flat.raw')]
    await Promise.all([pullsAs('1.0.1', 'next.raw'), pullsAs('1.0.3', 'smaller.raw'), ...captured])
  })

  const status = await told('status')
  assert.equal(status.resources['Microsoft.Compute/disks'], undefined, 'no temporary disk is left')
})
