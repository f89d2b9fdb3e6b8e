import { createHmac } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Random } from '#foundation/random.ts'
import { isSameSecret } from '#foundation/same-secret.ts'
import type { Form } from './form.ts'
import { contentPolicy } from './page-frame.ts'

/** Shows pages, and tells a form that such a page sent from one that another site made up. */
export interface OwnForms {
  send(reply: FastifyReply, status: number, html: string, formTargets?: readonly string[]): FastifyReply
  /** Ties a form to the browser that it is shown in: sets a cookie and returns what the form has to bring back as `proof`. */
  proof(reply: FastifyReply): string
  isOwn(request: FastifyRequest, form: Form, origin: string): boolean
}

const cookie = '__Host-sign-in'

/**
 * The pages keep no session: name and password come with each form, so that another site has nothing to ride on. The cookie with its keyed
 * hash in the form, and the browser's own word where the form came from, keep another site from posting a form at all.
 */
export const ownForms = (random: Random): OwnForms => {
  const key = random.bytes(32)
  const proofOf = (value: string) => createHmac('sha256', key).update(value).digest('base64url')
  return {
    send: (reply, status, html, formTargets) =>
      reply
        .code(status)
        .headers({
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': contentPolicy(formTargets),
          'referrer-policy': 'same-origin',
          'x-frame-options': 'DENY',
          'cache-control': 'no-store',
        })
        .send(html),
    proof(reply) {
      const value = random.bytes(18).toString('base64url')
      reply.header('set-cookie', `${cookie}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=900`)
      return proofOf(value)
    },
    isOwn(request, form, ownOrigin) {
      const { origin, 'sec-fetch-site': site, cookie: cookies = '' } = request.headers
      if (site !== undefined && site !== 'same-origin') return false
      // Some browsers keep the origin to themselves, even from the site itself.
      if (origin !== undefined && origin !== ownOrigin && !(origin === 'null' && site === 'same-origin')) return false
      const value = new RegExp(`(?:^|; )${cookie}=([\\w-]+)`).exec(cookies)?.[1]
      return value !== undefined && isSameSecret(form.get('proof') ?? '', proofOf(value))
    },
  }
}
