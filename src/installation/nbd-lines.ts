import { Readable } from 'node:stream'
import type { Clock } from '#foundation/clock.ts'
import type { RunningExport } from './nbd-exports.ts'
import type { StoredVersion } from './stored-version.ts'

/** Often enough that both sides notice when the other one is gone. */
const beatMs = 10_000

/**
 * An export's life as lines of JSON: first how it is reached, then every ten seconds how much it is used. The export ends with the
 * stream, whoever ends that: the client that hangs up, or the server that stops.
 */
export const nbdLines = (version: StoredVersion, running: RunningExport, clock: Clock): Readable => {
  const gone = new AbortController()
  const over = AbortSignal.any([gone.signal, running.ending])
  const { uri, caFolder } = running
  const { region, sizeBytes, manifest, document } = version
  const first = { uri, ...(caFolder === undefined ? {} : { caFolder }), id: document.id, region, sizeBytes, manifest }
  let hasBegun = false
  const stream = new Readable({
    highWaterMark: 1,
    read() {
      if (!hasBegun) {
        hasBegun = true
        return void stream.push(line(first))
      }
      void clock.sleep(beatMs, over).then(() => {
        if (!stream.destroyed) stream.push(over.aborted ? null : line(running.stats()))
      })
    },
    destroy(error, done) {
      gone.abort()
      running.end().then(() => done(error), done)
    },
  })
  return stream
}

const line = (value: object): string => `${JSON.stringify(value)}\n`
