import type { Draft, Ingested, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { type Extent, requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import type { CallOptions } from './caller.ts'
import { NodeUnreachable } from './faults.ts'
import { streamed } from './streamed.ts'
import { MAX_BODY_BYTES, WireBroken } from './wire.ts'

type Call = <T>(name: string, details?: object, options?: CallOptions) => Promise<T>
type State = Pick<Draft, 'sizeBytes' | 'written'>

/** The list that a call answers with. */
export async function* listed<T>(call: Call, name: string, details: object = {}): AsyncGenerator<T> {
  for await (const part of streamed(options => call(name, details, options)))
    yield* JSON.parse(part.toString('utf8')) as T[]
}

/** A draft in a region's own process. */
export class RemoteDraft implements Draft {
  readonly id: string
  readonly #call: Call
  #state: State

  constructor(call: Call, id: string, state: State) {
    this.#call = call
    this.id = id
    this.#state = state
  }

  get sizeBytes(): number {
    return this.#state.sizeBytes
  }

  get written(): Draft['written'] {
    return this.#state.written
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    requireRange(offset, bytes.length, this.sizeBytes)
    // Cut where the store would cut it.
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, MAX_BODY_BYTES - ((offset + at) % MAX_BODY_BYTES))
      await this.#change('write', { offset: offset + at }, bytes.subarray(at, at + length))
      at += length
    }
  }

  begin(manifest: ManifestId): Promise<void> {
    return this.#change('begin', { manifest })
  }

  clear(offset: number, length: number): Promise<void> {
    return this.#change('clear', { offset, length })
  }

  resize(sizeBytes: number): Promise<void> {
    return this.#change('resize', { sizeBytes })
  }

  bytes(): SparseBytes {
    const draft = this
    const details = { draft: this.id }
    return {
      get sizeBytes() {
        return draft.sizeBytes
      },
      extents: () => listed<Extent>(this.#call, 'draftExtents', details),
      read: async (offset, target) => {
        requireRange(offset, target.length, this.sizeBytes)
        for (let at = 0; at < target.length; at += MAX_BODY_BYTES) {
          const part = target.subarray(at, at + MAX_BODY_BYTES)
          let filled = 0
          const onItem = (bytes: Buffer) => {
            if (bytes.length > part.length - filled) throw new WireBroken('More bytes came than were asked for.')
            part.set(bytes, filled)
            filled += bytes.length
          }
          await this.#call('readDraft', { ...details, offset: offset + at, length: part.length }, { onItem })
          if (filled < part.length) throw new NodeUnreachable(this.id, 'Fewer bytes came than were asked for.')
        }
      },
      async close() {},
    }
  }

  seal(hold: string): Promise<Ingested> {
    return this.#call('seal', { draft: this.id, hold })
  }

  async discard(): Promise<void> {
    await this.#call('discard', { draft: this.id })
  }

  async #change(name: string, details: object, body?: Uint8Array): Promise<void> {
    const { sizeBytes, written } = await this.#call<State>(name, { ...details, draft: this.id }, body ? { body } : {})
    // Answers to writes beside each other come in any order; what was written only grows.
    const newest = written.newBytes >= this.written.newBytes ? written : this.written
    this.#state = { sizeBytes: name === 'resize' ? sizeBytes : this.sizeBytes, written: newest }
  }
}
