import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { isMissed, lineOf, memberOf } from '../report.ts'
import type { Contestant } from './contestant.ts'
import { findPeers } from './peers.ts'
import { bytesIn } from './run-command.ts'
import { Standings } from './standings.ts'
import { limitNames, versionRows } from './version-rows.ts'

const peer = (program: string, name = program) => ({ program, name }) as Contestant

test('a machine without peers has none of them, and their rows say so', async () => {
  const peers = await findPeers('')
  assert.deepEqual(peers, { present: [], absent: ['casync', 'restic', 'borg', 'desync'] })
  const standings = new Standings()
  standings.add('publish v1', 'opengallery', 3)
  standings.add('publish v1', limitNames.zstd, 2)
  const rows = versionRows(peers, standings)
  const lines = rows.map(lineOf)
  assert.ok(lines.includes('-       publish-v1-beside-desync: desync is not installed: not compared'), lines.join('\n'))
  assert.ok(lines.some(line => line.startsWith('MISSED  publish-v1-beside-zstd: 3 s, 1.5 times')))
  assert.deepEqual(memberOf(rows[1]!), ['publish-v1-beside-desync', { why: 'desync is not installed: not compared' }])
})

test('the best of the peers counts, each with his median, whatever its settings', () => {
  const standings = new Standings()
  for (const value of [9, 1, 2]) standings.add('publish v2s', 'borg', value)
  for (const value of [3, 3, 3]) standings.add('publish v2s', 'borg fast', value)
  for (const value of [0.9, 0.5, 0.8]) standings.add('publish v2s', 'opengallery', value)
  const peers = { present: [peer('borg'), peer('borg', 'borg fast')], absent: [] }
  const rows = versionRows(peers, standings)
  assert.ok(rows.map(lineOf).includes('-       publish-v1-beside-desync: desync is not asked for: not compared'))
  const row = rows.find(each => each.metric === 'publish-v2s')
  assert.ok(row && 'ours' in row)
  assert.deepEqual([row.ours, row.beside, row.name], [0.8, 2, 'borg'])
  assert.equal(isMissed(row), false)
  assert.equal(isMissed({ ...row, ours: 1.1 }), true)
  assert.equal(isMissed({ ...row, ours: Number.NaN }), true, 'a figure that is not there keeps no promise')
})

test('who is slow everywhere sits out, who is best somewhere stays', () => {
  const standings = new Standings()
  const seconds = { a: [1, 9], b: [5, 1], c: [5, 9], d: [1.2, 9] } as const
  for (const [name, [publish, restore]] of Object.entries(seconds)) {
    standings.add('publish', name, publish)
    standings.add('restore', name, restore)
    standings.add('stored', name, name === 'c' ? 1 : 9)
  }
  assert.deepEqual([...standings.near(1.25, ['a', 'b', 'c', 'd'], ['publish', 'restore'])].sort(), ['a', 'b', 'd'])
})

test('the table has a column for each event, and nothing where somebody did not take part', () => {
  const standings = new Standings()
  standings.add('publish v1', 'a', 1.5)
  standings.add('stored', 'a', 1234)
  standings.add('stored', 'bb', 9)
  assert.deepEqual(standings.table(['a', 'bb'], ['publish v1', 'stored']), [
    '    publish v1  stored',
    'a         1.50    1234',
    'bb                9.00',
  ])
})

test('a row with only an aim is never missed', () => {
  const row = { metric: 'x', unit: 's', ours: 9, beside: 1, name: 'cp', aim: 2 }
  assert.equal(isMissed(row), false)
  assert.equal(lineOf(row), '-       x: 9 s, 9 times cp (1 s), aim 2')
  assert.ok(lineOf({ ...row, ours: 1.5 }).startsWith('aim '))
})

test('what is stored is what all files hold, in all folders', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-bytes-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  await fs.mkdir(path.join(folder, 'a/b'), { recursive: true })
  await fs.writeFile(path.join(folder, 'one'), Buffer.alloc(10))
  await fs.writeFile(path.join(folder, 'a/b/two'), Buffer.alloc(32))
  assert.equal(await bytesIn(folder), 42)
})
