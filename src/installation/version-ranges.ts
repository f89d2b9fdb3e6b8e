import type { FastifyInstance } from 'fastify'
import { armError } from '#arm/arm-error.ts'
import { ChunkMissing, type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { type SomeSlices, slicesOfSource } from '#data-plane/chunks/slices-of-source.ts'
import { callerOf } from './caller-of.ts'
import type { ImageParts } from './image-routes.ts'
import { type Given, storedVersion, type VersionQuery } from './stored-version.ts'

interface RangesRoute {
  Querystring: VersionQuery & { from?: Given }
}

/** Of a manifest: 256 or 512 MiB of an image, and 16,384 ranges at most. */
const pagesAtOnce = 4

/**
 * `GET /opengallery/ranges?id=VERSION[&region=R][&lun=N][&from=PAGE]`: what the bytes of a version's disk consist of, for whoever may read
 * it, so that a client can tell which parts of a file of its own are the same. A range is `[offset, length, chunk]`; if the SHA-256 of as
 * many bytes is `chunk`, they are the same (null: it can't be told so). What no range covers is zeros. `next` is the `from` that goes on.
 */
export const versionRangesRoute = (parts: ImageParts) => (app: FastifyInstance) => {
  app.get<RangesRoute>('/opengallery/ranges', async request => {
    const caller = await callerOf(request, parts)
    const from = String(request.query.from ?? 0)
    if (!/^\d{1,9}$/.test(from)) throw armError.invalidQueryParameter('from', from.slice(0, 20))
    const version = await storedVersion(request.query, caller, parts)
    const { sizeBytes, slices, next } = await slicesOf(parts, version.manifest, Number(from)).catch(async error => {
      if (isGone(error)) await storedVersion(request.query, caller, parts) // refuses it if it was deleted meanwhile
      throw error
    })
    const ranges = slices.map(({ offset, length, skip, id }) => [offset, length, skip === 0 ? id : null])
    return { manifest: version.manifest, sizeBytes, ranges, ...(next !== undefined && { next }) }
  })
}

const slicesOf = async ({ regions }: ImageParts, manifest: string, from: number): Promise<SomeSlices> =>
  await slicesOfSource(await regions.offer(manifest as ManifestId), manifest as ManifestId, from, pagesAtOnce)

const isGone = (error: unknown): boolean => error instanceof ManifestMissing || error instanceof ChunkMissing
