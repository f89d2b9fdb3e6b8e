import type { FastifyRequest } from 'fastify'
import type { RawRequest } from '#arm/raw-request.ts'
import type { Caller } from '#arm/resource-type.ts'

/** Who sends a request to a route of the installation, by the same tokens as ARM's; `request.verified` from then on. */
export const callerOf = async (
  request: FastifyRequest,
  { authenticate, origin }: { authenticate(raw: RawRequest): Promise<Caller>; origin(): string },
): Promise<Caller> => {
  const headers = request.headers as RawRequest['headers']
  const raw = { method: request.method, url: request.url, headers, origin: origin(), remoteAddress: request.ip }
  const caller = await authenticate(raw)
  request.verified = caller
  return caller
}
