import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import type { ArmClient } from '../client/arm-client.ts'
import { LeftBehind } from '../failure.ts'
import { interruptible, type Shell } from '../shell.ts'
import { withTemporaryDisk } from './temporary-disk.ts'

const place = { subscriptionId: 'S', group: 'g', gallery: 'c', definition: 'web' }

const workOn = (arm: Partial<ArmClient>, work: () => Promise<never>) =>
  withTemporaryDisk({ arm: arm as ArmClient, clock: systemClock }, place, '1.0.0', work)

const lost = () => Promise.reject(new Error('the line broke'))

test('a failure whose disk is removed is told as it is; one whose disk stays names that, too', async () => {
  await assert.rejects(workOn({ find: async () => undefined }, lost), { message: 'the line broke', name: 'Error' })
  await assert.rejects(workOn({ find: lost }, lost), (error: LeftBehind) => {
    assert.ok(error instanceof LeftBehind)
    assert.equal(error.message, 'the line broke')
    return /az disk delete --yes --ids \/subscriptions\/S\/.*\/disks\/opengallery-web-1\.0\.0-/.test(error.advice ?? '')
  })
})

test('an interrupt claims to have cleaned up only where it has', async () => {
  const onInterrupt = (listener: () => void) => {
    listener()
    return () => {}
  }
  const shell = { terminal: { say: () => {} }, onInterrupt }
  const interrupted = (arm: Partial<ArmClient>) => interruptible(shell as unknown as Shell, () => workOn(arm, lost))
  await assert.rejects(interrupted({ find: async () => undefined }), { message: /What was begun is cleaned up/ })
  await assert.rejects(interrupted({ find: lost }), { message: 'Interrupted.', advice: /left behind: az disk delete/ })
})
