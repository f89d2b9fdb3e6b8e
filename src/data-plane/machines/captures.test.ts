import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { systemRandom } from '#foundation/random.ts'
import { Captures } from './captures.ts'
import { Conversations } from './conversations.ts'
import { Guests } from './guests.ts'
import { recordOf } from './machine-record.ts'
import { testSpec } from './metadata/test-guest.ts'

type Message = Record<string, unknown>

const disk = { id: 'disk', lun: undefined, sizeBytes: 2 ** 20, base: undefined }
const { id } = testSpec

/** Who answers lines of JSON on a socket, as QEMU and its guest's agent do. */
const listen = async (
  t: TestContext,
  file: string,
  greeting: object | undefined,
  answer: (asked: Message) => unknown,
) => {
  const server = net.createServer(socket => {
    const say = (message: object) => void socket.write(`${JSON.stringify(message)}\r\n`)
    socket.on('error', () => {})
    if (greeting) say(greeting)
    socket.on('data', data => {
      for (const line of String(data).split('\n').filter(Boolean)) {
        const asked = JSON.parse(line)
        say({ return: answer(asked), id: asked.id })
      }
    })
  })
  await new Promise<void>(resolve => server.listen(file, resolve))
  t.after(() => server.close())
}

/** A machine whose guest has an agent; `refuse` has QEMU's own work fail. */
const start = async (t: TestContext) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'captures-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const parts = { folder, clock: systemClock, random: systemRandom, user: undefined }
  const guests = new Guests(folder, systemClock)
  for (const name of ['guests', 'captures']) await fs.mkdir(path.join(folder, name))
  await guests.keep(recordOf({ ...testSpec, disks: [disk] }, '2026-01-01T00:00:00.000Z', 'boot'))
  await fs.mkdir(guests.runPath(id))
  const state = { isFrozen: false, dies: false }
  const answers: Record<string, () => unknown> = {
    'query-chardev': () => [{ label: 'agent', 'frontend-open': true }],
    'query-jobs': () => [],
    'query-named-block-nodes': () => [],
  }
  await listen(t, path.join(guests.runPath(id), 'qmp'), { QMP: {} }, ({ execute }) => {
    if (execute === 'blockdev-add') assert.ok(state.isFrozen)
    return answers[String(execute)]?.() ?? {}
  })
  await listen(t, path.join(guests.runPath(id), 'agent'), undefined, ({ execute, arguments: args }) => {
    if (execute === 'guest-sync') return (args as { id: number }).id
    if (execute === 'guest-fsfreeze-freeze') state.isFrozen = true
    else if (execute === 'guest-fsfreeze-thaw') state.isFrozen = false
    return 1
  })
  const captures = () => new Captures({ ...parts, guests, talk: new Conversations(guests, parts) })
  const mark = () => fs.readdir(guests.folder(id)).then(names => names.includes('frozen'))
  return { captures, state, mark, guests }
}

test('a guest is frozen while a capture begins, and goes on whether that went well or not', async t => {
  const { captures, state, mark } = await start(t)
  // QEMU knows of no such job afterwards.
  await assert.rejects(captures().take(id, disk), /could not be copied/)
  assert.deepEqual([state.isFrozen, await mark()], [false, false])
})

test('a guest that an earlier process of ours left frozen is thawed, once', async t => {
  const { captures, state, mark, guests } = await start(t)
  state.isFrozen = true
  await captures().thawLeft(id)
  assert.ok(state.isFrozen, 'What we did not freeze is none of our business.')
  await fs.writeFile(path.join(guests.folder(id), 'frozen'), '')
  await captures().thawLeft(id)
  assert.deepEqual([state.isFrozen, await mark()], [false, false])
})
