import type { FederatedCredential, FederatedWords } from '#identity/federated-credentials.ts'
import { federatedProperties, federatedView } from './directory-views.ts'
import { requireApplication } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import { done, type GraphCall, type GraphParts, type GraphRoute } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { listed, shown } from './odata-answer.ts'
import { requireOwner } from './rights.ts'

const resource = 'FederatedIdentityCredential'
const collection = '/applications/:id/federatedIdentityCredentials'

/** Whose tokens an application may show in place of a secret. */
export const federatedIdentityCredentialRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: collection,
    async run(call, parts) {
      const { objectId } = await requireApplication(call, parts)
      const credentials = await parts.identity.federatedCredentials.of(objectId)
      return listed(call, pathOf(objectId), credentials.map(federatedView), federatedProperties)
    },
  },
  {
    method: 'POST',
    path: collection,
    async run(call, parts) {
      const { objectId } = await requireApplication(call, parts)
      await requireOwner(call, parts, [objectId])
      const words = readWords(call)
      requireAccepted(words, call, parts)
      const made = await parts.identity.federatedCredentials.add(objectId, words)
      return shown(call, pathOf(objectId), federatedView(made), 201)
    },
  },
  {
    method: 'GET',
    path: `${collection}/:name`,
    async run(call, parts) {
      const { objectId } = await requireApplication(call, parts)
      return shown(call, pathOf(objectId), federatedView(await requireCredential(objectId, call, parts)))
    },
  },
  {
    method: 'PATCH',
    path: `${collection}/:name`,
    async run(call, parts) {
      const { objectId } = await requireApplication(call, parts)
      await requireOwner(call, parts, [objectId])
      const before = await requireCredential(objectId, call, parts)
      const words = readWords(call, before)
      if (words.name !== before.name) throw graphError.badProperty('name', resource)
      requireAccepted(words, call, parts)
      await parts.identity.federatedCredentials.put(objectId, words)
      return done
    },
  },
  {
    method: 'DELETE',
    path: `${collection}/:name`,
    async run(call, parts) {
      const { objectId } = await requireApplication(call, parts)
      await requireOwner(call, parts, [objectId])
      const { name } = await requireCredential(objectId, call, parts)
      await parts.identity.federatedCredentials.remove(objectId, name)
      return done
    },
  },
]

const pathOf = (objectId: string) => `/applications/${objectId}/federatedIdentityCredentials`

/** By its name or its id. */
const requireCredential = async (
  objectId: string,
  { params }: GraphCall,
  { identity }: GraphParts,
): Promise<FederatedCredential> => {
  const { name = '' } = params
  const credentials = await identity.federatedCredentials.of(objectId)
  const found = credentials.find(one => one.name === name || one.credentialId === name)
  if (!found) throw graphError.notFound(name)
  return found
}

/** A stranger's address is never fetched: the operator of the installation has named the issuer. */
const requireAccepted = ({ issuer }: FederatedWords, { caller }: GraphCall, { identity }: GraphParts): void => {
  if (!identity.outsideTokens.federates(issuer, caller.tenantId)) throw graphError.issuerNotAccepted(issuer)
}

const readWords = ({ body }: GraphCall, before?: FederatedCredential): FederatedWords => {
  const read = readBody(body, resource)
  const text = (name: 'name' | 'issuer' | 'subject') =>
    before ? (read.text(name, 600) ?? before[name]) : read.requiredText(name, 600)
  const [name, issuer, subject] = [text('name'), text('issuer'), text('subject')]
  const audiences = read.texts('audiences') ?? (before ? [before.audience] : [])
  const description = read.text('description', 600)
  read.text('id')
  read.end()
  const [audience] = audiences
  if (audience === undefined || audiences.length > 1) throw graphError.badProperty('audiences', resource)
  const described = description === undefined ? (before?.description ?? null) : description
  return { name, issuer, subject, audience, description: described }
}
