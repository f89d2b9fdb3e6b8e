import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { GuestAgent } from './guest-agent.ts'
import { LineSilent } from './json-lines.ts'
import { Qmp, QmpRefused } from './qmp.ts'

type Message = Record<string, unknown>
type Say = (...messages: unknown[]) => void

/** Somebody who speaks in lines of JSON on a unix socket. */
const speaker = async (t: TestContext, greet: (say: Say) => void, answer: (asked: Message, say: Say) => void) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'qmp-'))
  const socketFile = path.join(folder, 'socket')
  const server = net.createServer(socket => {
    const say: Say = (...messages) => messages.forEach(each => void socket.write(`${JSON.stringify(each)}\r\n`))
    socket.on('error', () => {})
    greet(say)
    let text = ''
    socket.on('data', data => {
      text += data
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) answer(JSON.parse(line), say)
    })
  })
  await new Promise<void>(resolve => server.listen(socketFile, resolve))
  t.after(async () => {
    server.close()
    await fs.rm(folder, { recursive: true })
  })
  return socketFile
}

const hello = { QMP: { version: { qemu: { major: 7 } }, capabilities: [] } }

/** As QEMU: greets, refuses what it does not know, tells of events between answers. */
const qemu = (t: TestContext) =>
  speaker(
    t,
    say => say(hello),
    ({ execute, id, arguments: args }, say) => {
      if (execute === 'qmp_capabilities') say({ return: {}, id })
      else if (execute === 'echo') say({ event: 'HEARD', data: { args } }, { return: args, id })
      else if (execute === 'flood') say({ return: 'x'.repeat(9 * 2 ** 20), id })
      else if (execute !== 'nothing') say({ error: { class: 'CommandNotFound', desc: `no ${execute}` }, id })
    },
  )

test('commands are answered, refused, and events come between', async t => {
  const qmp = await Qmp.connect(await qemu(t), systemClock)
  t.after(() => qmp.close())
  const answers = await Promise.all([qmp.execute('echo', { n: 1 }), qmp.execute('echo', { n: 2 })])
  assert.deepEqual(answers, [{ n: 1 }, { n: 2 }])
  const second = await qmp.event(({ data }) => (data.args as { n: number }).n === 2, 1000)
  assert.equal(second.event, 'HEARD')
  await assert.rejects(qmp.execute('dance'), error => error instanceof QmpRefused && /no dance/.test(error.message))
  await assert.rejects(
    qmp.event(() => false, 50),
    LineSilent,
  )
  await assert.rejects(qmp.execute('nothing', undefined, 50), LineSilent)
  assert.deepEqual(await qmp.execute('echo', { n: 3 }), { n: 3 })
})

test('who never greets, talks without end, or is not there, is silent', async t => {
  const mute = await speaker(
    t,
    () => {},
    () => {},
  )
  await assert.rejects(Qmp.connect(mute, systemClock, 50), LineSilent)
  await assert.rejects(Qmp.connect(`${mute}-not`, systemClock, 50), LineSilent)
  const qmp = await Qmp.connect(await qemu(t), systemClock)
  await assert.rejects(qmp.execute('flood'), LineSilent)
  await assert.rejects(qmp.execute('echo'), LineSilent)
})

test('a script runs in the guest, and stale answers are passed over', async t => {
  const asked: Message[] = []
  let polls = 0
  const socketFile = await speaker(
    t,
    say => say({ return: 'of an earlier conversation' }),
    (message, say) => {
      asked.push(message)
      const { execute, arguments: args } = message as { execute: string; arguments: { id: number } }
      if (execute === 'guest-sync') say({ return: 1 }, { return: args.id })
      if (execute === 'guest-exec') say({ return: { pid: 12 } })
      const output = (text: string) => Buffer.from(text).toString('base64')
      const end = { exited: true, exitcode: 3, 'out-data': output(`${'x'.repeat(9000)}end`), 'err-data': output('no') }
      if (execute === 'guest-exec-status') say({ return: polls++ === 0 ? { exited: false } : end })
    },
  )
  const agent = await GuestAgent.connect(socketFile, 77, systemClock)
  t.after(() => agent.close())
  const { exitCode, stdout, stderr } = await agent.runScript('echo hi', 1500)
  assert.deepEqual({ exitCode, stderr, length: stdout.length }, { exitCode: 3, stderr: 'no', length: 4096 })
  assert.ok(stdout.endsWith('end'))
  const exec = asked.find(({ execute }) => execute === 'guest-exec')?.arguments as Record<string, unknown>
  assert.equal(Buffer.from(String(exec['input-data']), 'base64').toString(), 'echo hi')
  assert.deepEqual((exec.arg as string[]).at(-1), '2')
})

test('a guest that floods us is hung up on', async t => {
  const socketFile = await speaker(
    t,
    say => say('x'.repeat(300 * 1024)),
    () => {},
  )
  await assert.rejects(GuestAgent.connect(socketFile, 1, systemClock), LineSilent)
})

/** A guest that answers the two commands of a script as it likes. */
const liar = (t: TestContext, exec: unknown, status: unknown) =>
  speaker(
    t,
    () => {},
    ({ execute, arguments: args }, say) => {
      if (execute === 'guest-sync') say({ return: (args as { id: number }).id })
      if (execute === 'guest-exec') say({ return: exec })
      if (execute === 'guest-exec-status') say({ return: status })
    },
  )

test('a guest that lies is silent to us', async t => {
  const done = { exited: true, exitcode: 0 }
  const lies: readonly (readonly [unknown, unknown])[] = [
    [null, done],
    ['pid', done],
    [{ pid: '12' }, done],
    [{ pid: 1e300 }, done],
    ...[
      null,
      [],
      { exited: 'yes' },
      { exited: true, exitcode: '0' },
      { exited: true, exitcode: 0.5 },
      { exited: true, signal: {} },
      { ...done, 'out-data': { length: 4e9 } },
      { ...done, 'out-data': null },
      { ...done, 'err-data': [1, 2] },
    ].map(status => [{ pid: 12 }, status] as const),
  ]
  for (const [exec, status] of lies) {
    const agent = await GuestAgent.connect(await liar(t, exec, status), 1, systemClock)
    await assert.rejects(agent.runScript('true', 1000), LineSilent, JSON.stringify([exec, status]))
    agent.close()
  }
})

test('a guest that talks on and on is hung up on, and a refusal is no longer than a sentence', async t => {
  const socketFile = await speaker(
    t,
    () => {},
    ({ execute, arguments: args }, say) => {
      if (execute === 'guest-sync') say({ return: (args as { id: number }).id })
      if (execute === 'refuse') say({ error: { desc: 'x'.repeat(10_000) } })
      if (execute === 'babble') say(...Array.from({ length: 100_000 }, () => 123456789))
    },
  )
  const agent = await GuestAgent.connect(socketFile, 1, systemClock)
  t.after(() => agent.close())
  await assert.rejects(agent.execute('refuse'), ({ message }: Error) => message.length < 1000)
  await assert.rejects(agent.execute('babble', undefined, 60_000), /broke off|was closed/)
})
