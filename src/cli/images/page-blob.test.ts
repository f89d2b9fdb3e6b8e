import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { type HttpAnswer, type HttpsClient, ServerUnreachable } from '../client/https-client.ts'
import { pageBlob } from './page-blob.ts'

/** A blob whose server answers again when so much time has passed. */
const awayFor = (awayMs: number) => {
  let passedMs = 0
  const sleep = async (ms: number) => {
    passedMs += ms
  }
  const clock: Clock = { ...systemClock, sleep }
  const send = async (): Promise<HttpAnswer> => {
    if (passedMs < awayMs) throw new ServerUnreachable('https://signed', new Error('gone'))
    return { status: 200, headers: { 'content-length': '512' }, body: Buffer.alloc(0) }
  }
  return pageBlob({ send } as unknown as HttpsClient, clock, 'https://signed/?sig=x')
}

test('a server that restarts is waited for ten seconds, and not for ever', async () => {
  assert.equal(await awayFor(10_000).sizeBytes(), 512)
  await assert.rejects(awayFor(60_000).sizeBytes(), ServerUnreachable)
})
