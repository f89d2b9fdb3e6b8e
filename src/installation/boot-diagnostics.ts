import { createHmac } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Machines } from '#data-plane/machines/machines.ts'
import type { Clock } from '#foundation/clock.ts'
import { isSameSecret } from '#foundation/same-secret.ts'

const kinds = ['serialconsole.log', 'screenshot.png'] as const
export type DiagnosticsKind = (typeof kinds)[number]

const signatureOf = (key: Buffer, vmId: string, kind: string, expires: string): string =>
  createHmac('sha256', key).update(`boot-diagnostics\n${vmId}\n${kind}\n${expires}`).digest('base64url')

/** Where what a machine shows can be had until a time, by whoever has the URL. */
export const diagnosticsUrl =
  (key: Buffer) =>
  (origin: string, vmId: string, kind: DiagnosticsKind, expires: Date): string => {
    const until = String(Math.floor(expires.getTime() / 1000))
    const query = new URLSearchParams({ se: until, sig: signatureOf(key, vmId, kind, until) })
    return `${origin}/opengallery/boot-diagnostics/${vmId}/${kind}?${query}`
  }

interface Parts {
  readonly machines: Machines
  readonly key: Buffer
  readonly clock: Clock
}

interface Ask {
  Params: { vmId: string; kind: string }
  Querystring: { se?: string; sig?: string }
}

/** What signed URLs of boot diagnostics lead to: the end of a machine's console, and its screen. Whoever's is not good learns nothing. */
export const bootDiagnosticsRoutes =
  ({ machines, key, clock }: Parts) =>
  (app: FastifyInstance) => {
    app.get<Ask>('/opengallery/boot-diagnostics/:vmId/:kind', async ({ params, query }, reply) => {
      const { vmId, kind } = params
      const { se = '', sig = '' } = query
      const isKnown = (kinds as readonly string[]).includes(kind)
      const isCurrent = /^\d{1,12}$/.test(se) && Number(se) * 1000 > clock.now().getTime()
      if (!isKnown || !isCurrent || !isSameSecret(String(sig), signatureOf(key, vmId, kind, se)))
        return reply.code(403).send()
      if (kind === 'screenshot.png') {
        const image = await machines.screenshot(vmId)
        return image ? reply.type('image/png').send(Buffer.from(image)) : reply.code(404).send()
      }
      return reply.type('text/plain; charset=utf-8').send(Buffer.from(await machines.console(vmId)))
    })
  }
