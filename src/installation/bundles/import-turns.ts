import type { BundleRecord } from '#data-plane/bundles/bundle-record.ts'
import { type ChunkId, type ChunkSource, ManifestMissing, type StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import type { Clock } from '#foundation/clock.ts'

/** What the one who has the bundle is to do next. */
export interface Turn<Outcome> {
  readonly turn: number
  /** Records wanted, in the order in which they are wanted; empty when there is nothing to do but to ask again. */
  readonly want: readonly ChunkId[]
  readonly progress: { readonly what: string; readonly doneBytes: number; readonly totalBytes: number }
  readonly outcome?: Outcome
}

/** An import whose chunks are fetched by the one who has the bundle: each answer says what is wanted, each request brings it. */
export interface ImportTurns<Outcome> {
  /** Hands over what was wanted by `turn`: the records of its first `answered` ids, as far as the bundle has them. */
  next(turn: number, answered: number, records: readonly BundleRecord[]): Promise<Turn<Outcome>>
  stop(): Promise<void>
}

interface Wanted {
  readonly turn: number
  readonly ids: readonly ChunkId[]
  resolve(given: { records: readonly BundleRecord[]; answered: number }): void
}

const ANSWER_WITHIN_MS = 1000
/** Who does not come back for so long has gone: nothing is kept for him but what is held. */
const GIVE_UP_MS = 10 * 60_000

type Report = (what: string, doneBytes: number, totalBytes: number) => void

/** Starts `run`, whose source asks for its chunks turn by turn. */
export const startImport = <Outcome>(
  run: (source: ChunkSource, signal: AbortSignal, report: Report) => Promise<Outcome>,
  clock: Clock,
): ImportTurns<Outcome> => {
  const abort = new AbortController()
  let progress = { what: '', doneBytes: 0, totalBytes: 0 }
  let wanted: Wanted | undefined
  let ended: { readonly outcome: Outcome } | { readonly error: unknown } | undefined
  let [turns, news] = [0, Promise.withResolvers<void>()]
  const tell = () => {
    news.resolve()
    news = Promise.withResolvers<void>()
  }
  const ask = async (ids: readonly ChunkId[]) => {
    abort.signal.throwIfAborted()
    const given = Promise.withResolvers<{ records: readonly BundleRecord[]; answered: number }>()
    wanted = { turn: ++turns, ids, resolve: given.resolve }
    tell()
    const over = new AbortController()
    const stopWaiting = () => over.abort()
    abort.signal.addEventListener('abort', stopWaiting, { once: true })
    try {
      const answer = await Promise.race([given.promise, clock.sleep(GIVE_UP_MS, over.signal)])
      abort.signal.throwIfAborted()
      if (answer) return answer
      throw new Error('Whoever has the bundle has gone.')
    } finally {
      over.abort()
      abort.signal.removeEventListener('abort', stopWaiting)
      wanted = undefined
    }
  }
  const source: ChunkSource = {
    async manifestRoot(manifest) {
      const { records } = await ask([manifest as string as ChunkId])
      const root = records.find(({ kind, id }) => kind === 'root' && (id as string) === manifest)
      if (!root) throw new ManifestMissing(manifest)
      return root.stored
    },
    async *chunks(ids): AsyncGenerator<StoredChunk> {
      for (let rest = ids; rest.length > 0; ) {
        const { records, answered } = await ask(rest)
        const asked = new Set(rest.slice(0, answered))
        for (const record of records) if (record.kind === 'chunk' && asked.delete(record.id)) yield record
        rest = rest.slice(answered)
      }
    },
  }
  const report: Report = (what, doneBytes, totalBytes) => {
    progress = { what, doneBytes, totalBytes }
  }
  const running = run(source, abort.signal, report)
    .then(
      outcome => {
        ended = { outcome }
      },
      error => {
        ended = { error }
      },
    )
    .finally(tell)
  return {
    async next(turn, answered, records) {
      const now = wanted
      if (now && now.turn === turn && answered > 0 && answered <= now.ids.length) {
        wanted = undefined
        now.resolve({ records, answered })
      }
      if (!wanted && !ended) {
        const waited = new AbortController()
        await Promise.race([news.promise, clock.sleep(ANSWER_WITHIN_MS, waited.signal)])
        waited.abort()
      }
      if (ended && 'error' in ended) throw ended.error
      const outcome = ended && { outcome: ended.outcome }
      return { turn: wanted?.turn ?? turns, want: wanted?.ids ?? [], progress, ...outcome }
    },
    async stop() {
      abort.abort(new Error('The import was stopped.'))
      await running
    },
  }
}
