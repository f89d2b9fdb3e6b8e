import type { Clock } from '#foundation/clock.ts'
import { Failure } from '../failure.ts'
import type { HttpsClient } from './https-client.ts'
import type { ServerAccess } from './server-access.ts'

/** The caller's token, fetched when first needed and again shortly before it ends. */
export interface AccessToken {
  get(): Promise<string>
  /** Drops a token that the server no longer takes. */
  forget(): void
}

const spareMs = 60_000

export const accessToken = (
  access: ServerAccess,
  https: HttpsClient,
  clock: Clock,
  audience = access.url,
): AccessToken => {
  let held: { token: string; endsMs: number } | undefined
  return {
    async get() {
      if (held && held.endsMs - spareMs > clock.now().getTime()) return held.token
      const { token, lifeSeconds } = await fetchToken(access, https, audience)
      held = { token, endsMs: clock.now().getTime() + lifeSeconds * 1000 }
      return token
    },
    forget() {
      held = undefined
    },
  }
}

const fetchToken = async (
  access: ServerAccess,
  https: HttpsClient,
  audience: string,
): Promise<{ token: string; lifeSeconds: number }> => {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: access.clientId,
    client_secret: access.clientSecret,
    scope: `${audience}/.default`,
  })
  const answer = await https.send({
    method: 'POST',
    url: `${access.url}/${access.tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
  const body = parsed(answer.body)
  if (answer.status !== 200 || typeof body.access_token !== 'string') {
    throw new Failure(`The server did not let ${access.clientId} in: ${body.error_description ?? answer.status}`, {
      advice: 'Check OPENGALLERY_CLIENT_ID and OPENGALLERY_CLIENT_SECRET, or name the data folder with --data.',
    })
  }
  return { token: body.access_token, lifeSeconds: Number(body.expires_in ?? 300) }
}

const parsed = (body: Buffer): Record<string, unknown> => {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}
