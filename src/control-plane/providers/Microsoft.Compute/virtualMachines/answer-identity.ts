import { ResourceId } from '#arm/resource-id.ts'
import type { Arm } from '#arm/resource-type.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { type MachinePrincipal, principalsOf } from './machine-identity.ts'
import { tenantOf } from './plan-identity.ts'

/** What a guest is told below /metadata/identity: a status, and what becomes JSON. */
interface IdentityAnswer {
  readonly status: number
  readonly body: object
}

/** Sentences are those of Azure's endpoint: SDKs tell by them what to do. */
const refused = (error_description: string, error = 'invalid_request'): IdentityAnswer => ({
  status: 400,
  body: { error, error_description },
})

/**
 * An access token of the machine's own identity or of one that is assigned to it, by the rules of Azure's endpoint: `client_id`,
 * `object_id` or `msi_res_id` say which, else it is the own one, or the only one.
 */
export const answerToken = async (
  machine: ResourceDocument,
  query: URLSearchParams,
  identities: ManagedIdentities,
  arm: Arm,
): Promise<IdentityAnswer> => {
  const problem = missingIn(query)
  if (problem) return problem
  const principal = choose(principalsOf(machine), query)
  if (typeof principal === 'string') return refused(principal)
  const resource = query.get('resource') ?? ''
  const given = await identities.tokenFor(principal.principalId, resource, principal.resourceId)
  if (given === 'no identity') return refused(notFound)
  if (given === 'no resource') return unknownResource(resource, await tenantOfMachine(machine, arm))
  const nowS = Math.floor(arm.clock.now().getTime() / 1000)
  const lifeS = given.expiresInSeconds
  return {
    status: 200,
    body: {
      access_token: given.token,
      client_id: given.clientId,
      expires_in: String(lifeS),
      expires_on: String(nowS + lifeS),
      ext_expires_in: String(lifeS),
      not_before: String(nowS),
      resource,
      token_type: 'Bearer',
    },
  }
}

/** The tenant of a machine's identities. */
export const answerIdentityInfo = async (
  machine: ResourceDocument,
  query: URLSearchParams,
  arm: Arm,
): Promise<IdentityAnswer> => {
  const problem = missingIn(query, ['api-version'])
  if (problem) return problem
  if (principalsOf(machine).length === 0) return refused(notFound)
  return { status: 200, body: { tenantId: await tenantOfMachine(machine, arm) } }
}

const notFound = 'Identity not found'

const missingIn = (query: URLSearchParams, names = ['api-version', 'resource']): IdentityAnswer | undefined => {
  const missing = names.find(name => !query.get(name))
  if (missing) return refused(`Required query variable '${missing}' is missing`)
  const version = query.get('api-version') ?? ''
  if (/^20\d\d-\d\d-\d\d$/.test(version) && version >= oldest) return undefined
  return refused(`The api-version '${version.slice(0, 50)}' is not supported: use ${oldest} or newer`)
}

const oldest = '2018-02-01'

const ways: Readonly<Record<string, keyof Pick<MachinePrincipal, 'clientId' | 'principalId' | 'resourceId'>>> = {
  client_id: 'clientId',
  object_id: 'principalId',
  msi_res_id: 'resourceId',
  mi_res_id: 'resourceId',
}

/** Which one a guest means, or why that can't be told. One that is named must fit every name that it is given. */
const choose = (principals: readonly MachinePrincipal[], query: URLSearchParams): MachinePrincipal | string => {
  const names = Object.entries(ways).filter(([name]) => query.get(name))
  const fits = (one: MachinePrincipal) =>
    names.every(([name, member]) => one[member].toLowerCase() === query.get(name)?.toLowerCase())
  const [first, ...others] = principals.filter(fits)
  if (!first) return notFound
  if (first.isOwn || others.length === 0) return first
  return 'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request'
}

const unknownResource = (resource: string, tenant: string): IdentityAnswer =>
  refused(
    `AADSTS500011: The resource principal named ${resource.slice(0, 200)} was not found in the tenant named ${tenant}. This server gives tokens for itself, by its own address or as https://management.azure.com/.`,
    'invalid_resource',
  )

const tenantOfMachine = async ({ id }: ResourceDocument, arm: Arm): Promise<string> =>
  tenantOf(ResourceId.parse(id) ?? ResourceId.tenant, arm)
