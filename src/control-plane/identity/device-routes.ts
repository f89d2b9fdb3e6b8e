import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authority } from './authority.ts'
import { type Form, field } from './form.ts'
import type { Identity } from './identity.ts'
import { OAuthRefused, oauthRefused } from './oauth-refused.ts'
import type { OwnForms } from './own-form.ts'
import { alertOf, credentialInputs, escaped, hiddenInput, page } from './page-frame.ts'
import { clientName, provenUser } from './proofs.ts'
import { notSignedIn } from './signed-in.ts'
import { TooManyGuesses } from './slow-hash.ts'

const path = '/adfs/oauth2/deviceauth'

/** The page on which a person lets another device in (RFC 8628 section 3.3). */
export const deviceRoutes = (
  app: FastifyInstance,
  identity: Identity,
  forms: OwnForms,
  originOf: (request: FastifyRequest) => string,
): void => {
  const ask = (reply: FastifyReply, status: number, shown: Shown) =>
    forms.send(reply, status, devicePage(shown, forms.proof(reply)))

  app.get(path, async (_, reply) => ask(reply, 200, {}))
  app.post(path, { bodyLimit: 16 * 1024 }, async (request, reply) => {
    const form: Form = request.body instanceof Map ? request.body : new Map()
    const [userCode, name] = [form.get('user_code') ?? '', form.get('username') ?? '']
    const origin = originOf(request)
    if (!forms.isOwn(request, form, origin))
      return ask(reply, 403, { problem: 'This form is too old. Please try again.' })
    try {
      const client = await letIn(identity, form, { origin, dialect: 'adfs', tenant: 'adfs' }, request.ip)
      identity.log.info('device signed in', { client, user: name.slice(0, 256), remote: request.ip })
      return forms.send(reply, 200, donePage(client))
    } catch (error) {
      const refusal = error instanceof TooManyGuesses ? oauthRefused.tooBusy() : error
      if (!(refusal instanceof OAuthRefused)) throw error
      identity.log.warn('device sign-in refused', { code: refusal.code, remote: request.ip })
      await identity.noteSignIn(notSignedIn({ form, remote: request.ip }, refusal))
      return ask(reply, refusal.status, { userCode, name, problem: sentenceOf(refusal) })
    }
  })
}

/** Returns the name of the program that was let in. The password comes first: only somebody who has one may try codes. */
const letIn = async (identity: Identity, form: Form, authority: Authority, remote: string): Promise<string> => {
  const userCode = field(form, 'user_code')
  const name = field(form, 'username')
  const { principal } = await provenUser(identity, { name, secret: field(form, 'password'), authority, remote })
  const waiting = await identity.deviceCodes.waiting(userCode)
  if (!waiting || !(await identity.deviceCodes.approve(userCode, principal.objectId)))
    throw oauthRefused.expiredDeviceCode()
  return clientName(identity, waiting.clientId, authority)
}

const sentenceOf = (refusal: OAuthRefused): string => {
  if (refusal.error === 'expired_token')
    return 'That code is not known, was used, or is too old. Look at your device for a new one.'
  if (refusal.error === 'invalid_request') return 'Please fill in all three fields.'
  return refusal.sentence
}

interface Shown {
  readonly userCode?: string
  readonly name?: string
  readonly problem?: string
}

const devicePage = ({ userCode = '', name = '', problem }: Shown, proof: string): string =>
  page(
    'Sign in on another device',
    `<p>Go on only if you asked for this code on a device of your own. Never enter a code that somebody sent you.</p>
${alertOf(problem)}
<form method="post" action="${path}">
${hiddenInput('proof', proof)}
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="${escaped(userCode)}" required maxlength="16" autocomplete="off" autocapitalize="characters" spellcheck="false"${userCode ? '' : ' autofocus'}>
${credentialInputs(name)}
<button type="submit">Sign in</button>
</form>`,
  )

const donePage = (client: string): string =>
  page('You are signed in', `<p>${escaped(client)} can go on now. You may close this window.</p>`)
