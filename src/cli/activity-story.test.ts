import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { configOf } from '../config.ts'
import { startServer } from '../main.ts'
import { runCommand } from './test-shell.ts'

test('what was done is listed, exported and verified; a change of an exported line is found', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-activity-'))
  const server = await startServer(configOf({ dataFolder: path.join(folder, 'data'), port: 0 }))
  t.after(async () => {
    await server.stop()
    await fs.rm(folder, { recursive: true, force: true })
  })
  const command = (...args: string[]) => runCommand([...args, '--data', server.dataFolder])
  const told = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await command(...args)
    assert.equal(exitCode, 0, stderr)
    return stdout
  }
  assert.match(await told('keys', 'rotate'), /A new key signs tokens/)
  await told('provenance', '--rotate-key')
  const list = await told('activity-log', 'list')
  for (const deed of ['rotateKeys', 'rotateImageKeys'])
    assert.match(list, new RegExp(`OpenGallery/installation/${deed}/action +Succeeded`))
  const [, head] = /--noted: (\S+)/.exec(await told('activity-log', 'verify')) ?? []
  assert.ok(head)

  const exported = await told('activity-log', 'export')
  const file = path.join(folder, 'log.jsonl')
  await fs.writeFile(file, exported)
  const { publicKey } = JSON.parse(exported.slice(0, exported.indexOf('\n')))
  assert.match(await told('activity-log', 'verify', file, '--key', publicKey, '--noted', head), /the chain is whole/)
  assert.match(exported, /OpenGallery\/signIns\/action/)

  await fs.writeFile(file, exported.replace('rotateKeys', 'nothing'))
  const changed = await command('activity-log', 'verify', file)
  assert.equal(changed.exitCode, 1)
  assert.match(changed.stderr, /Record \d+ is not what was written/)
  await fs.truncate(file, 2 ** 26)
  assert.match((await command('activity-log', 'verify', file)).stderr, /too long for a record/)
  await fs.writeFile(file, exported)
  const other = await command('activity-log', 'verify', file, '--noted', `1:${'0'.repeat(64)}`, '--key', 'x')
  assert.match(other.stderr, /another key/)
  assert.match(other.stderr, /Record 1 is not the one that was noted/)
  assert.equal((await command('activity-log', 'verify', path.join(folder, 'none'))).exitCode, 1)
  assert.equal((await command('activity-log', 'verify', file, '--noted', 'x')).exitCode, 2)
})

test('a command that starts a server for itself gives up no record, whatever the usual retention is', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-kept-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const yearAgo: Clock = { ...systemClock, now: () => new Date(Date.now() - 365 * 24 * 3600_000) }
  const server = await startServer(
    configOf({ dataFolder: folder, port: 0, clock: yearAgo, activityRetentionDays: 1000 }),
  )
  const told = async (...args: string[]) => (await runCommand([...args, '--data', folder])).stdout
  assert.match(await told('keys', 'rotate'), /A new key signs tokens/)
  await server.stop()
  assert.match(await told('bundle', 'key'), /^[\w+/=]+$/m)
  assert.match(await told('activity-log', 'export'), /rotateKeys/)
})
