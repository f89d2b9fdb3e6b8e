import type { CallOptions } from './caller.ts'
import { Inbox } from './inbox.ts'

const MOST_WAITING = 2
const END = Symbol('the end of a stream')

/** The parts of a long answer, taken as fast as they are used. Who stops early ends the call. */
export async function* streamed(call: (options: CallOptions) => Promise<unknown>): AsyncGenerator<Buffer> {
  const stop = new AbortController()
  const inbox = new Inbox<Buffer | typeof END>(MOST_WAITING)
  const running = call({ signal: stop.signal, onItem: part => inbox.put(part) })
    .then(() => inbox.put(END))
    .catch(error => inbox.fail(error))
  try {
    for (let part = await inbox.next(); part !== END; part = await inbox.next()) yield part
  } finally {
    inbox.fail(new Error('Nobody listens any more.')) // before the call ends: it may be waiting to put something in
    stop.abort()
    await running
  }
}
