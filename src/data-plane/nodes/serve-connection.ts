import { AsyncLocalStorage } from 'node:async_hooks'
import type { Heal } from '#data-plane/chunks/chunk-store.ts'
import { chunksIn } from '#data-plane/chunks/stored-batches.ts'
import type { Log } from '#foundation/log.ts'
import { CallRefused, faultOf } from './faults.ts'
import type { Role } from './join.ts'
import { ServedCall } from './served-call.ts'
import { calls, type HostedStore, readingCalls } from './store-calls.ts'
import { decodeBatch } from './travelling-chunks.ts'
import { type Wire, WireBroken } from './wire.ts'

const current = new AsyncLocalStorage<ServedCall>()

/** Where a region's own store asks for a lost chunk last: the gallery whose call met it, which knows the other regions. A reader is not asked. */
export const healFromCaller: Heal = async id => {
  const call = current.getStore()
  if (call?.role !== 'gallery') return undefined
  for await (const batch of call.ask('heal', { id })) return chunksIn(decodeBatch(batch)).find(chunk => chunk.id === id)
  return undefined
}

/** Serves one call after the other until the connection ends. */
export const serveConnection = async (wire: Wire, hosted: HostedStore, role: Role, log: Log): Promise<void> => {
  let call: ServedCall | undefined
  for (;;) {
    const message = await wire.next()
    if (message.head.call === undefined) {
      if (call) await call.deliver(message)
      continue
    }
    if (call) throw new WireBroken('A call came in the middle of another.')
    const served = new ServedCall(wire, message, role)
    call = served
    void current.run(served, async () => {
      await serve(served, hosted, log, () => {
        call = undefined
      }).catch(error => wire.close(error))
    })
  }
}

const serve = async (call: ServedCall, hosted: HostedStore, log: Log, ended: () => void): Promise<void> => {
  const name = String(call.request.head.call)
  let answer: readonly [object, unknown?]
  try {
    const run = Object.hasOwn(calls, name) ? calls[name] : undefined
    if (!run) throw new WireBroken(`There is no call ${JSON.stringify(name).slice(0, 100)}.`)
    if (call.role === 'read' && !readingCalls.has(name)) throw new CallRefused(name)
    answer = [{ isDone: true }, (await hosted.run(store => run(store, call))) ?? null]
  } catch (error) {
    if (error instanceof WireBroken) throw error
    log.info('a call failed', { call: name, error })
    answer = [{ fault: faultOf(error) }]
  }
  ended() // before the answer leaves: the next call may follow it at once
  await call.end(...answer)
}
