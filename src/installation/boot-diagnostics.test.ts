import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import Fastify from 'fastify'
import { MemoryMachines } from '#data-plane/machines/memory-machines.ts'
import { FakeClock } from '#foundation/clock.ts'
import { bootDiagnosticsRoutes, diagnosticsUrl } from './boot-diagnostics.ts'

const clock = new FakeClock()
const machines = new MemoryMachines({ clock })
const key = Buffer.alloc(32, 1)
const app = Fastify()
bootDiagnosticsRoutes({ machines, key, clock })(app as never)
after(() => app.close())

const id = '11111111-1111-4111-8111-111111111111'
const url = diagnosticsUrl(key)

test('a signed URL gives the console until its time is over, and nothing else', async () => {
  await machines.start({
    id,
    label: 'vm',
    cores: 1,
    memoryMiB: 128,
    generation: 'V1',
    disks: [],
    nics: [],
    identity: { instanceId: id, hostname: 'vm' },
  })
  machines.print(id, 'Linux boots\n')
  const good = url('', id, 'serialconsole.log', new Date(clock.now().getTime() + 60_000))
  assert.equal((await app.inject(good)).body, 'Linux boots\n')
  const screen = await app.inject(url('', id, 'screenshot.png', new Date(clock.now().getTime() + 60_000)))
  assert.equal(screen.headers['content-type'], 'image/png')
  for (const bad of [
    good.replace('serialconsole.log', 'screenshot.png'),
    good.replace(id, id.replace('1', '2')),
    good.replace(/se=\d+/, 'se=99999999999'),
    good.replace(/sig=.*/, 'sig='),
    good.split('?')[0] ?? '',
  ])
    assert.equal((await app.inject(bad)).statusCode, 403, bad)
  clock.advance(61_000)
  assert.equal((await app.inject(good)).statusCode, 403)
})
