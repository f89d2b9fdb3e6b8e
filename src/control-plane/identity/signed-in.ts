import { decodeJwt } from 'jose'
import { isUuid } from '#foundation/random.ts'
import type { Form } from './form.ts'
import { OAuthRefused } from './oauth-refused.ts'

/** A sign-in as it is written down: never the secret, the assertion, a code or a token. */
export interface SignedIn {
  /** As the request says, where that is an id; not checked when it was refused. */
  readonly clientId: string
  readonly userName?: string
  /** The address that it came from. */
  readonly remote: string
  /** Whom the token is for. */
  readonly principal?: { readonly objectId: string; readonly tenantId: string; readonly userPrincipalName?: string }
  /** Why there is none: `AADSTS7000215`. */
  readonly refusal?: string
}

/** Of a request to a sign-in endpoint, what is looked at here. */
interface Asked {
  readonly form: Form
  readonly remote: string
}

/** Refusals that no one could be named for, or that say nothing but that a person has not come yet. */
const quiet = new Set(['authorization_pending', 'slow_down', 'invalid_request', 'temporarily_unavailable'])

/** What is told of a token endpoint's answer. */
export const signedIn = (signIn: Asked, answer: object): SignedIn | undefined => {
  const { access_token: token } = answer as { access_token?: string }
  if (token === undefined) return undefined
  const { oid, tid, upn } = decodeJwt<{ oid: string; tid: string; upn?: string }>(token)
  return {
    ...said(signIn),
    principal: { objectId: oid, tenantId: tid, ...(upn === undefined ? {} : { userPrincipalName: upn }) },
  }
}

/** What is told of a sign-in that failed; nothing where nobody tried a secret, or where it was our own fault. */
export const notSignedIn = (signIn: Asked, error: unknown): SignedIn | undefined =>
  error instanceof OAuthRefused && !quiet.has(error.error)
    ? { ...said(signIn), refusal: `AADSTS${error.code}` }
    : undefined

// What has another form may be a secret that somebody put into the wrong field.
const isUserName = /^[^\s@]{1,64}@[^\s@]{1,190}$/

const said = ({ form, remote }: Asked) => {
  const [clientId = '', userName = ''] = [form.get('client_id'), form.get('username')]
  return {
    clientId: isUuid(clientId) ? clientId.toLowerCase() : '',
    ...(isUserName.test(userName) ? { userName } : {}),
    remote,
  }
}
