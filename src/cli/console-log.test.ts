import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { consoleLog } from './console-log.ts'
import { terminalOf } from './terminal.ts'

const said = (isTTY: boolean, work: (log: ReturnType<typeof consoleLog>) => void): string => {
  let text = ''
  const stderr = { write: (more: string) => (text += more), isTTY }
  work(consoleLog({ terminal: terminalOf({ stdout: stderr, stderr }, {}), clock: new FakeClock() }, 'warn'))
  return text
}

const lost = new Error('Region westeurope can’t be reached.', { cause: new Error('It has not joined.') })

test('who watches reads of a warning what it says and why, in one line, and of a fault where it came from', () => {
  const warned = said(true, log => log.warn('A step is tried again.', { attempt: 1, error: lost }))
  assert.match(
    warned,
    /^\S+ warn {2}A step is tried again\. attempt=1 error="Region westeurope can’t be reached\. It has not joined\."\n$/,
  )
  assert.match(
    said(true, log => log.error('A request failed.', { error: lost })),
    /console-log\.test\.ts/,
  )
})

test('a program reads an error with its causes', () => {
  const line = JSON.parse(said(false, log => log.warn('A step is tried again.', { error: lost })))
  assert.deepEqual(
    [line.level, line.error.message, line.error.cause.message],
    ['warn', lost.message, 'It has not joined.'],
  )
  const circle = new Error('round')
  circle.cause = circle
  assert.equal(JSON.parse(said(false, log => log.warn('x', { error: circle }))).error.cause.message, 'round')
  assert.match(
    said(true, log => log.warn('x', { error: circle })),
    /error="round"/,
  )
})

test('strangers’ text does not steer a terminal', () => {
  const text = said(true, log => log.warn('x', { name: '\u001b[2J\u009b2J\u202e' }))
  for (const character of ['\u001b', '\u009b', '\u202e']) assert.ok(!text.includes(character))
})
