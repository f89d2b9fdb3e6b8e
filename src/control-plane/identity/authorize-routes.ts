import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authority } from './authority.ts'
import { type Form, field, parseForm } from './form.ts'
import type { Identity } from './identity.ts'
import { OAuthRefused, oauthRefused } from './oauth-refused.ts'
import type { OwnForms } from './own-form.ts'
import { alertOf, credentialInputs, escaped, hiddenInput, page } from './page-frame.ts'
import { clientName, provenUser, requireTenant } from './proofs.ts'
import { publicClients } from './public-clients.ts'
import { wantedScope } from './sign-in.ts'
import { notSignedIn } from './signed-in.ts'
import { TooManyGuesses } from './slow-hash.ts'

/** What a program asks for when it sends a person here (RFC 6749 section 4.1.1, with PKCE). */
interface Asked {
  readonly query: string
  readonly form: Form
  readonly clientId: string
  readonly client: string
  readonly redirectUri: string
  readonly responseMode: string
  readonly challenge: string
}

/** The page on which a person signs a program in that runs on the same machine, such as `az login`. */
export const authorizeRoutes = (
  app: FastifyInstance,
  identity: Identity,
  forms: OwnForms,
  paths: readonly string[],
  authorityOf: (request: FastifyRequest) => Authority,
): void => {
  const ask = (reply: FastifyReply, status: number, asked: Asked, shown: { name?: string; problem?: string }) => {
    // Chromium holds the redirect that answers a form against the form's own policy.
    const targets = [new URL(asked.redirectUri).origin]
    return forms.send(reply, status, signInPage(asked, forms.proof(reply), shown), targets)
  }

  const answer = (reply: FastifyReply, asked: Asked, values: Record<string, string>) => {
    const state = asked.form.get('state')
    const all = { ...values, ...(state !== undefined && { state }) }
    if (asked.responseMode === 'form_post')
      return forms.send(reply, 200, postedPage(asked, all), [new URL(asked.redirectUri).origin])
    const target = new URL(asked.redirectUri)
    if (asked.responseMode === 'fragment') target.hash = new URLSearchParams(all).toString()
    else for (const [name, value] of Object.entries(all)) target.searchParams.set(name, value)
    return reply.header('cache-control', 'no-store').redirect(target.href, 303)
  }

  const open = async (request: FastifyRequest, reply: FastifyReply) => {
    const asked = await readAsked(identity, authorityOf(request), request.url.split('?')[1] ?? '')
    // Nobody is ever signed in already: there is no session.
    if (asked.form.get('prompt') === 'none')
      return answer(reply, asked, { error: 'login_required', error_description: 'The user must sign in.' })
    const name = asked.form.get('login_hint')
    return ask(reply, 200, asked, name === undefined ? {} : { name })
  }

  const submit = async (request: FastifyRequest, reply: FastifyReply) => {
    const form: Form = request.body instanceof Map ? request.body : new Map()
    const authority = authorityOf(request)
    const asked = await readAsked(identity, authority, form.get('query') ?? '')
    const name = form.get('username') ?? ''
    if (!forms.isOwn(request, form, authority.origin))
      return ask(reply, 403, asked, { problem: 'This form is too old. Please try again.' })
    if (form.has('cancel'))
      return answer(reply, asked, { error: 'access_denied', error_description: 'The user said no.' })
    try {
      const secret = field(form, 'password')
      const { principal } = await provenUser(identity, { name, secret, authority, remote: request.ip })
      const { clientId, redirectUri, challenge } = asked
      const scope = asked.form.get('scope') ?? `${asked.form.get('resource')}/.default offline_access openid`
      const nonce = asked.form.get('nonce') ?? null
      const agreed = { objectId: principal.objectId, clientId, redirectUri, scope, challenge, nonce }
      identity.log.info('person signed in', { client: asked.client, user: name.slice(0, 256), remote: request.ip })
      return answer(reply, asked, { code: await identity.authorizationCodes.issue(agreed) })
    } catch (error) {
      const refusal = error instanceof TooManyGuesses ? oauthRefused.tooBusy() : error
      if (!(refusal instanceof OAuthRefused)) throw error
      identity.log.warn('sign-in refused', { code: refusal.code, remote: request.ip })
      await identity.noteSignIn(notSignedIn({ form, remote: request.ip }, refusal))
      return ask(reply, refusal.status, asked, { name, problem: refusal.sentence })
    }
  }

  /** What is wrong with the request is shown here: nobody knows yet whether the address to go back to is a good one. */
  const orProblem =
    (work: typeof open) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      try {
        return await work(request, reply)
      } catch (error) {
        if (!(error instanceof OAuthRefused)) throw error
        return forms.send(reply, error.status, page('This sign-in cannot go on', alertOf(error.message)))
      }
    }
  for (const path of paths) {
    app.get(path, orProblem(open))
    app.post(path, { bodyLimit: 32 * 1024 }, orProblem(submit))
  }
}

const readAsked = async (identity: Identity, authority: Authority, query: string): Promise<Asked> => {
  const form = parseForm(query)
  await requireTenant(identity, authority)
  const clientId = field(form, 'client_id').toLowerCase()
  const client = await clientName(identity, clientId, authority)
  const redirectUri = field(form, 'redirect_uri')
  // Only the developer tools sign in so; they listen on the person's own machine, on any port (RFC 8252 section 7.3).
  if (!publicClients.has(clientId) || !isLoopback(redirectUri)) throw oauthRefused.badRedirect(redirectUri, clientId)
  if (field(form, 'response_type') !== 'code') throw oauthRefused.badResponseType()
  const challenge = form.get('code_challenge') ?? ''
  if (form.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(challenge)) throw oauthRefused.noChallenge()
  wantedScope(identity, { form, authority })
  return { query, form, clientId, client, redirectUri, challenge, responseMode: form.get('response_mode') ?? 'query' }
}

const isLoopback = (address: string): boolean => {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const hosts = ['localhost', '127.0.0.1', '[::1]']
  return url?.protocol === 'http:' && hosts.includes(url.hostname) && url.username === '' && url.hash === ''
}

const signInPage = (
  { client, query }: Asked,
  proof: string,
  { name = '', problem }: { name?: string; problem?: string },
) =>
  page(
    'Sign in',
    `<p>${escaped(client)} wants to act in your name. Go on only if you started it yourself.</p>
${alertOf(problem)}
<form method="post">
${hiddenInput('proof', proof)}
${hiddenInput('query', query)}
${credentialInputs(name)}
<button type="submit">Sign in</button>
<button type="submit" name="cancel" value="1" class="quiet" formnovalidate>Cancel</button>
</form>`,
  )

const postedPage = ({ client, redirectUri }: Asked, values: Record<string, string>): string =>
  page(
    'Nearly there',
    `<p>Going back to ${escaped(client)}.</p>
<form method="post" action="${escaped(redirectUri)}">
${Object.entries(values)
  .map(([name, value]) => hiddenInput(name, value))
  .join('\n')}
<button type="submit">Go on</button>
</form>`,
    { sendsAtOnce: true },
  )
