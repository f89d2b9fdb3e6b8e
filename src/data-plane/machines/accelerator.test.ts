import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { findAccelerator } from './accelerator.ts'

test('that guests do not run under KVM is remembered for a while, not for ever', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'accelerator-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const clock = new FakeClock()
  let tries = 0
  const log = {
    ...silentLog,
    warn: () => {
      tries++
    },
  }
  // No guest starts, or there is no KVM to begin with.
  const find = () =>
    findAccelerator({ program: 'false', version: '9', socat: 'false' }, { folder, user: undefined, clock, log })
  assert.equal(await find(), 'tcg')
  clock.advance(60_000)
  assert.equal(await find(), 'tcg')
  assert.equal(tries, 1)
  clock.advance(3_600_000)
  assert.equal(await find(), 'tcg')
  assert.equal(tries, 2)
})
