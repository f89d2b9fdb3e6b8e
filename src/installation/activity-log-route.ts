import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ActivityLog } from '#activity/activity-log.ts'

/**
 * `GET /opengallery/activity-log`: the whole log as JSON lines, one record each, between a line with where it begins and the key, and
 * one with where it ends. Both ends are read before the records, which only become more: what came since is left out.
 */
export const activityLogRoute = (app: FastifyInstance, log: ActivityLog): void => {
  app.get('/opengallery/activity-log', async (_request, reply) =>
    reply.type('application/x-ndjson').send(Readable.from(lines(log))),
  )
}

async function* lines(log: ActivityLog): AsyncGenerator<string> {
  const [base, head] = [await log.base(), await log.head()]
  yield line({ base, publicKey: log.publicKey })
  for await (const { sequence, hash, record } of log.chain(base.sequence)) {
    if (sequence > head.sequence) break
    yield line({ sequence, hash, record: JSON.parse(record) })
  }
  yield line({ head })
}

const line = (value: object): string => `${JSON.stringify(value)}\n`
