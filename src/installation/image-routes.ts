import type { FastifyInstance, FastifyReply } from 'fastify'
import { armError } from '#arm/arm-error.ts'
import type { RawRequest } from '#arm/raw-request.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import { asFixedVhd } from '#data-plane/disks/fixed-vhd.ts'
import { UnsupportedDisk } from '#data-plane/disks/hostile-disk.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { SigningParts } from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { byteStream } from './byte-stream.ts'
import { callerOf } from './caller-of.ts'
import { type Part, partOf } from './http-range.ts'
import { type Given, storedVersion, type VersionQuery } from './stored-version.ts'

export interface ImageParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly signing: SigningParts
  readonly clock: Clock
  authenticate(raw: RawRequest): Promise<Caller>
  origin(): string
}

interface ImageRoute {
  Querystring: VersionQuery & { format?: Given }
}

/** Each stream holds two pieces of two MiB. */
const mostStreams = 32
const retryAfterSeconds = 5

const formats = new Map<string, (raw: SparseBytes) => SparseBytes>([
  ['raw', bytes => bytes],
  ['vhd', asFixedVhd],
])

/**
 * `GET /opengallery/image?id=VERSION&format=raw|vhd[&region=R][&lun=N]`: the bytes of a version's disk, whole or in ranges, for whoever
 * may read the version. The ETag is the manifest's id: equal ones mean equal bytes, for ever.
 */
export const imageRoutes = (parts: ImageParts) => (app: FastifyInstance) => {
  let streams = 0
  app.route<ImageRoute>({
    method: ['GET', 'HEAD'],
    url: '/opengallery/image',
    exposeHeadRoute: false,
    async handler(request, reply) {
      const caller = await callerOf(request, parts)
      const { query, headers } = request
      const formed = formats.get(query.format === undefined ? 'raw' : String(query.format))
      if (!formed) throw armError.invalidQueryParameter('format', String(query.format).slice(0, 20))
      const version = await storedVersion(query, caller, parts)
      if (streams >= mostStreams) throw armError.tooManyRequests(retryAfterSeconds)
      streams++
      const release = onceOnly(() => streams--)
      try {
        const bytes = await openAs(formed, version.open)
        const part = partOf(headers, `"${version.manifest}"`, bytes.sizeBytes)
        describe(reply, part, version.manifest, bytes.sizeBytes)
        if (!('start' in part) || request.method === 'HEAD') {
          await bytes.close()
          release()
          return reply.send()
        }
        const stream = byteStream(bytes, part.start, part.end, parts.clock)
        stream.once('close', release)
        return reply.send(stream)
      } catch (error) {
        release()
        throw error
      }
    },
  })
}

const openAs = async (formed: (raw: SparseBytes) => SparseBytes, open: () => Promise<SparseBytes>) => {
  const raw = await open()
  try {
    return formed(raw)
  } catch (error) {
    await raw.close()
    throw error instanceof UnsupportedDisk ? armError.invalidQueryParameter('format', 'vhd') : error
  }
}

const describe = (reply: FastifyReply, part: Part, manifest: string, sizeBytes: number): void => {
  reply.code(part.status).headers({ etag: `"${manifest}"`, 'accept-ranges': 'bytes' })
  if (part.status === 416) reply.header('content-range', `bytes */${sizeBytes}`)
  if (!('start' in part)) return
  reply.headers({ 'content-type': 'application/octet-stream', 'content-length': part.end - part.start })
  if (part.status === 206) reply.header('content-range', `bytes ${part.start}-${part.end - 1}/${sizeBytes}`)
}

const onceOnly = (work: () => void): (() => void) => {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}
