import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { Clock } from '#foundation/clock.ts'
import { interruptsOf } from './on-interrupt.ts'
import { terminalOf } from './terminal.ts'

test('an interrupt, an end and a closed terminal are heard once; half a second later another one leaves at once', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    let [nowMs, heard] = [0, 0]
    const exits: number[] = []
    const process = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) })
    const clock = { now: () => new Date(nowMs) } as Clock
    const silent = { write: () => true }
    const onInterrupt = interruptsOf(process as never, clock, terminalOf({ stdout: silent, stderr: silent }, {}))
    const release = onInterrupt(() => heard++)
    process.emit(signal)
    nowMs = 499
    process.emit(signal)
    assert.deepEqual([heard, exits], [1, []])
    nowMs = 500
    process.emit(signal)
    assert.deepEqual([heard, exits], [1, [1]])
    release()
    assert.equal(process.listenerCount(signal), 0)
  }
})
