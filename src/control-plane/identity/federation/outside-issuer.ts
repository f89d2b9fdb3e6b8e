/** Whom a token of another issuer stands for: by a claim that names a principal in our words, or by a list of the claim's values. */
export type PrincipalRule =
  | { readonly claim: string; readonly is: 'objectId' | 'appId' | 'userPrincipalName' }
  | { readonly claim: string; readonly objectIds: Readonly<Record<string, string>> }

/** Another place that signs tokens: Entra, Keycloak, a CI service. Only an operator of the installation names one. */
export interface OutsideIssuer {
  /** As its tokens spell it; its discovery document lies below. */
  readonly issuer: string
  /** Where its keys are, if they are not on the issuer's own host. */
  readonly keys?: string
  /** A PEM file with the authority of its certificate, if that is none of the public ones. */
  readonly caFile?: string
  /** The tenant whose principals its tokens stand for, and the only one whose programs may trust it. */
  readonly tenant?: string
  /** Tokens for one of these are taken by Resource Manager. */
  readonly audiences: readonly string[]
  /** In order: the first whose claim is in a token says who it is. */
  readonly principals: readonly PrincipalRule[]
  /** Programs may show its tokens instead of a secret, where a federated identity credential says so. */
  readonly federation: boolean
}

/** The settings of outside issuers are wrong; the message says where. */
export class IssuersRefused extends Error {
  override readonly name = 'IssuersRefused'
}

const mostIssuers = 100
const names = new Set(['issuer', 'keys', 'caFile', 'tenant', 'audiences', 'principals', 'federation'])

/** Reads `{"issuers": [...]}`, or throws `IssuersRefused`. */
export const readIssuers = (text: string): OutsideIssuer[] => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new IssuersRefused(`It is not JSON: ${(cause as Error).message}`)
  }
  const issuers = isObject(value) ? value.issuers : undefined
  if (!Array.isArray(issuers) || issuers.length > mostIssuers)
    throw new IssuersRefused(`It must be {"issuers": [...]} with at most ${mostIssuers} of them.`)
  const read = issuers.map(readIssuer)
  const seen = new Set<string>()
  for (const { issuer } of read) {
    if (seen.has(issuer)) throw new IssuersRefused(`'${issuer}' is there twice.`)
    seen.add(issuer)
  }
  return read
}

const readIssuer = (given: unknown): OutsideIssuer => {
  if (!isObject(given)) throw new IssuersRefused('Each issuer is an object.')
  const { issuer, keys, caFile, tenant, audiences = [], principals = [], federation = false } = given
  requireUrl(issuer, 'issuer')
  const refuse = (why: string) => new IssuersRefused(`${issuer}: ${why}`)
  for (const name of Object.keys(given)) if (!names.has(name)) throw refuse(`'${name}' is no setting of an issuer.`)
  if (keys !== undefined) requireUrl(keys, 'keys')
  if (caFile !== undefined && typeof caFile !== 'string') throw refuse("'caFile' is the name of a PEM file.")
  if (tenant !== undefined && typeof tenant !== 'string') throw refuse("'tenant' is the id of a tenant.")
  if (!isTexts(audiences)) throw refuse("'audiences' is a list of texts.")
  if (!Array.isArray(principals)) throw refuse("'principals' is a list of rules.")
  if (typeof federation !== 'boolean') throw refuse("'federation' is true or false.")
  if (audiences.length > 0 && (tenant === undefined || principals.length === 0))
    throw refuse("with 'audiences' go 'tenant' and 'principals': whom the tokens stand for.")
  if (audiences.length === 0 && !federation) throw refuse("without 'audiences' or 'federation' it is of no use.")
  return {
    issuer,
    audiences,
    federation,
    principals: principals.map(rule => readRule(rule, refuse)),
    ...(keys !== undefined && { keys }),
    ...(caFile !== undefined && { caFile }),
    ...(tenant !== undefined && { tenant: tenant.toLowerCase() }),
  }
}

const readRule = (rule: unknown, refuse: (why: string) => Error): PrincipalRule => {
  const { claim, is, objectIds } = isObject(rule) ? rule : {}
  if (typeof claim === 'string' && claim !== '') {
    if ((is === 'objectId' || is === 'appId' || is === 'userPrincipalName') && objectIds === undefined)
      return { claim, is }
    if (is === undefined && isObject(objectIds) && isTexts(Object.values(objectIds)))
      return { claim, objectIds: objectIds as Record<string, string> }
  }
  throw refuse(
    'a rule is {"claim": "...", "is": "objectId" | "appId" | "userPrincipalName"} or {"claim": "...", "objectIds": {"value": "object id"}}.',
  )
}

function requireUrl(url: unknown, what: string): asserts url is string {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(parsed?.hostname ?? '')
  const isPlain = parsed?.username === '' && parsed.search === '' && parsed.hash === ''
  if (isPlain && (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopback))) return
  throw new IssuersRefused(`'${what}' must be an https URL, not ${JSON.stringify(url)?.slice(0, 200)}.`)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(text => typeof text === 'string' && text !== '')
