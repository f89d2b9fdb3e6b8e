import type { Clock } from '#foundation/clock.ts'
import type { Extent, SparseBytes } from '#foundation/sparse-bytes.ts'
import { type HttpAnswer, type HttpsClient, ServerUnreachable } from '../client/https-client.ts'
import { Failure } from '../failure.ts'

/** The page blob behind a disk's signed URL. */
export interface PageBlob {
  sizeBytes(): Promise<number>
  putPages(offset: number, pages: Uint8Array): Promise<void>
  clearPages(offset: number, length: number): Promise<void>
  /** Where the blob has pages. */
  extents(): Promise<Extent[]>
  read(offset: number, length: number): Promise<Buffer>
}

// Ten seconds all together, as for what is asked of ARM: that long a server may take to restart.
const tries = 7
const pauseMs = 500

/** Every request may be sent again, so a broken line or a busy server is tried a few times. */
export const pageBlob = (https: HttpsClient, clock: Clock, signedUrl: string): PageBlob => {
  const send = async (
    method: string,
    headers: Record<string, string>,
    more: { query?: string; body?: Uint8Array } = {},
  ): Promise<HttpAnswer> => {
    const request = {
      method,
      url: more.query === undefined ? signedUrl : `${signedUrl}&${more.query}`,
      headers: { 'x-ms-version': '2021-12-02', ...headers },
      ...(more.body !== undefined && { body: more.body }),
    }
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await https.send(request)
        if (answer.status < 400) return answer
        if (answer.status < 500 || attempt === tries) throw blobFailure(answer)
      } catch (error) {
        if (!(error instanceof ServerUnreachable) || attempt === tries) throw error
      }
      await clock.sleep(pauseMs * attempt)
    }
  }
  return {
    async sizeBytes() {
      return Number((await send('HEAD', {})).headers['content-length'])
    },
    async putPages(offset, pages) {
      const range = `bytes=${offset}-${offset + pages.length - 1}`
      const headers = { 'x-ms-page-write': 'update', 'x-ms-range': range, 'content-type': 'application/octet-stream' }
      await send('PUT', headers, { query: 'comp=page', body: pages })
    },
    async clearPages(offset, length) {
      const headers = { 'x-ms-page-write': 'clear', 'x-ms-range': `bytes=${offset}-${offset + length - 1}` }
      await send('PUT', headers, { query: 'comp=page', body: Buffer.alloc(0) })
    },
    async extents() {
      const answer = await send('GET', {}, { query: 'comp=pagelist' })
      return [...answer.body.toString().matchAll(pageRange)].map(([, start, end]) => ({
        offset: Number(start),
        length: Number(end) - Number(start) + 1,
      }))
    },
    async read(offset, length) {
      const { body } = await send('GET', { 'x-ms-range': `bytes=${offset}-${offset + length - 1}` })
      if (body.length !== length)
        throw new Failure(`The server sent ${body.length} of the ${length} bytes at ${offset}. Try again.`)
      return body
    },
  }
}

const pageRange = /<PageRange>\s*<Start>(\d+)<\/Start>\s*<End>(\d+)<\/End>\s*<\/PageRange>/g

const blobFailure = (answer: HttpAnswer): Failure => {
  const text = answer.body.toString()
  const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? answer.headers['x-ms-error-code'] ?? answer.status
  const message = /<Message>([^<]*)/.exec(text)?.[1]?.split('\n')[0] ?? text.slice(0, 300)
  return new Failure(`${code}: ${message}`)
}

const partBytes = 4 * 2 ** 20
const partsAhead = 6

/** A blob's bytes for a reader that goes from the front to the back: the next parts are fetched while it works on one. */
export const readAhead = async (blob: PageBlob, sizeBytes: number): Promise<SparseBytes> => {
  const extents = (await blob.extents())
    .filter(extent => extent.offset < sizeBytes)
    .map(({ offset, length }) => ({ offset, length: Math.min(length, sizeBytes - offset) }))
  const places = [...partsOf(extents)]
  const fetched = new Map<number, Promise<Buffer>>()
  const fetchFrom = (part: number) => {
    const first = places.findIndex(place => place >= part)
    for (const place of first < 0 ? [] : places.slice(first, first + partsAhead)) {
      if (fetched.has(place)) continue
      const bytes = blob.read(place * partBytes, Math.min(partBytes, sizeBytes - place * partBytes))
      bytes.catch(() => {}) // whoever reads the part hears of it
      fetched.set(place, bytes)
    }
    for (const place of fetched.keys()) if (place < part) fetched.delete(place)
  }
  const part = async (place: number): Promise<Buffer> => {
    fetchFrom(place)
    return await (fetched.get(place) ??
      blob.read(place * partBytes, Math.min(partBytes, sizeBytes - place * partBytes)))
  }
  return {
    sizeBytes,
    async *extents() {
      yield* extents
    },
    async read(offset, target) {
      for (let done = 0; done < target.length; ) {
        const place = Math.floor((offset + done) / partBytes)
        const from = (offset + done) % partBytes
        done += (await part(place)).copy(target, done, from, from + target.length - done)
      }
    },
    async close() {},
  }
}

/** The parts that have data, once each, in order. */
function* partsOf(extents: readonly Extent[]): Generator<number> {
  let next = 0
  for (const { offset, length } of extents) {
    const last = Math.floor((offset + length - 1) / partBytes)
    for (let part = Math.max(next, Math.floor(offset / partBytes)); part <= last; part++) yield part
    next = Math.max(next, last + 1)
  }
}
