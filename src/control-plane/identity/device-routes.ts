import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authority } from './authority.ts'
import { devicePage, donePage, pageStyle } from './device-page.ts'
import { type Form, field } from './form.ts'
import type { Identity } from './identity.ts'
import { OAuthRefused, oauthRefused } from './oauth-refused.ts'
import { checkPassword, clientName } from './sign-in.ts'
import { TooManyGuesses } from './slow-hash.ts'

const path = '/adfs/oauth2/deviceauth'
const cookie = '__Host-device-sign-in'
const styleHash = createHash('sha256').update(pageStyle).digest('base64')
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/**
 * The page on which a person lets another device in. It keeps no session: the name and the password come with the code, so another
 * site has nothing to ride on. A cookie and its keyed hash in the form, and the browser's own word where the form came from, keep
 * another site from posting the form at all.
 */
export const deviceRoutes = (
  app: FastifyInstance,
  identity: Identity,
  originOf: (request: FastifyRequest) => string,
): void => {
  const key = identity.random.bytes(32)
  const proofOf = (value: string) => createHmac('sha256', key).update(value).digest('base64url')

  const send = (reply: FastifyReply, status: number, html: string) =>
    reply
      .code(status)
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy,
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      })
      .send(html)

  const ask = (reply: FastifyReply, status: number, shown: { userCode?: string; name?: string; problem?: string }) => {
    const value = identity.random.bytes(18).toString('base64url')
    reply.header('set-cookie', `${cookie}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=900`)
    return send(reply, status, devicePage({ ...shown, path, proof: proofOf(value) }))
  }

  const isOwnForm = (request: FastifyRequest, form: Form): boolean => {
    const { origin, 'sec-fetch-site': site, cookie: cookies = '' } = request.headers
    if (site !== undefined && site !== 'same-origin') return false
    if (origin !== undefined && origin !== originOf(request)) return false
    const value = new RegExp(`(?:^|; )${cookie}=([\\w-]+)`).exec(cookies)?.[1]
    return value !== undefined && sameText(proofOf(value), form.get('proof') ?? '')
  }

  app.get(path, async (_, reply) => ask(reply, 200, {}))
  app.post(path, { bodyLimit: 16 * 1024 }, async (request, reply) => {
    const form: Form = request.body instanceof Map ? request.body : new Map()
    const [userCode, name] = [form.get('user_code') ?? '', form.get('username') ?? '']
    try {
      if (!isOwnForm(request, form)) return ask(reply, 403, { problem: 'This form is too old. Please try again.' })
      const client = await letIn(
        identity,
        form,
        { origin: originOf(request), dialect: 'adfs', tenant: 'adfs' },
        request.ip,
      )
      identity.log.info('device signed in', { client, user: name.slice(0, 256), remote: request.ip })
      return send(reply, 200, donePage(client))
    } catch (error) {
      const refusal = error instanceof TooManyGuesses ? oauthRefused.tooBusy() : error
      if (!(refusal instanceof OAuthRefused)) throw error
      identity.log.warn('device sign-in refused', { code: refusal.code, remote: request.ip })
      return ask(reply, refusal.status, { userCode, name, problem: sentenceOf(refusal) })
    }
  })
}

/** Returns the name of the program that was let in. The password comes first: only somebody who has one may try codes. */
const letIn = async (identity: Identity, form: Form, authority: Authority, remote: string): Promise<string> => {
  const userCode = field(form, 'user_code')
  const name = field(form, 'username')
  const { principal } = await checkPassword(identity, { name, secret: field(form, 'password'), authority, remote })
  const waiting = await identity.deviceCodes.waiting(userCode)
  if (!waiting || !(await identity.deviceCodes.approve(userCode, principal.objectId)))
    throw oauthRefused.expiredDeviceCode()
  return clientName(identity, waiting.clientId, authority)
}

const sentenceOf = ({ error, message }: OAuthRefused): string => {
  if (error === 'expired_token')
    return 'That code is not known, was used, or is too old. Look at your device for a new one.'
  if (error === 'invalid_request') return 'Please fill in all three fields.'
  return message.replace(/^AADSTS\d+: /, '')
}

const sameText = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
