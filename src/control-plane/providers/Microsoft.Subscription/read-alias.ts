import { isUuid } from '#foundation/random.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { subscriptionError } from './subscription-errors.ts'

/** The body of an alias: a subscription to be made, or the one that is to get another name. */
export interface AliasBody {
  readonly displayName?: string
  readonly subscriptionId?: string
  readonly workload: 'Production' | 'DevTest'
  readonly billingScope: string | null
  /** Whose subscription it is to be; the caller's tenant otherwise. */
  readonly tenantId?: string
  /** The object id of who is to own it; the caller otherwise. */
  readonly ownerId?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** Reads `{"properties": {displayName, workload, billingScope, subscriptionId, additionalProperties}}`; what is unknown is refused. */
export const readAlias = (body: Json | undefined): AliasBody => {
  const { properties, ...outside } = objectOf(body ?? {}, 'the body')
  const { displayName, subscriptionId, workload, billingScope, resellerId, additionalProperties, ...more } = objectOf(
    properties ?? {},
    'properties',
  )
  const { subscriptionTenantId, subscriptionOwnerId, tags, managementGroupId, ...others } = objectOf(
    additionalProperties ?? {},
    'additionalProperties',
  )
  const unserved = { ...outside, ...more, ...others, resellerId, managementGroupId }
  for (const [name, value] of Object.entries(unserved))
    if (value !== undefined && value !== null)
      throw subscriptionError.bodyInvalid(`'${name.slice(0, 50)}' is not served: leave it out.`)
  const kind = textOf(workload, 'workload') ?? 'Production'
  if (kind !== 'Production' && kind !== 'DevTest')
    throw subscriptionError.bodyInvalid("The workload is 'Production' or 'DevTest'.")
  const name = textOf(displayName, 'displayName')
  if (name !== undefined) requireName(name)
  const read = {
    displayName: name,
    subscriptionId: idOf(subscriptionId, 'subscriptionId'),
    tenantId: idOf(subscriptionTenantId, 'subscriptionTenantId'),
    ownerId: idOf(subscriptionOwnerId, 'subscriptionOwnerId'),
    tags: tagsOf(tags),
  }
  const { tenantId, ownerId } = read
  const ofNew = { displayName: name, subscriptionTenantId: tenantId, subscriptionOwnerId: ownerId, tags: read.tags }
  for (const [name, value] of Object.entries(ofNew))
    if (read.subscriptionId !== undefined && value !== undefined)
      throw subscriptionError.bodyInvalid(
        `'${name}' says what a new subscription is: leave it out beside 'subscriptionId'.`,
      )
  const given = Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined))
  return { ...given, workload: kind, billingScope: textOf(billingScope, 'billingScope') ?? null }
}

export const requireName = (name: string): void => {
  if (name.trim() === '' || name.length > 64) throw subscriptionError.nameInvalid()
}

const objectOf = (value: Json, what: string): JsonObject => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw subscriptionError.bodyInvalid(`${what} must be an object.`)
}

const textOf = (value: Json | undefined, what: string): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value.length <= 512) return value
  throw subscriptionError.bodyInvalid(`'${what}' must be a text.`)
}

const idOf = (value: Json | undefined, what: string): string | undefined => {
  const text = textOf(value, what)?.toLowerCase()
  if (text === undefined || text === '') return undefined
  if (!isUuid(text)) throw subscriptionError.bodyInvalid(`'${what}' must be a GUID.`)
  return text
}

const mostTags = 50

const tagsOf = (value: Json | undefined): Readonly<Record<string, string>> | undefined => {
  if (value === undefined || value === null) return undefined
  const tags = objectOf(value, 'tags')
  const entries = Object.entries(tags)
  const isTag = ([name, text]: readonly [string, unknown]) =>
    name !== '' && name.length <= 512 && typeof text === 'string' && text.length <= 256
  if (entries.length > mostTags || !entries.every(isTag)) throw subscriptionError.bodyInvalid('The tags are not valid.')
  return Object.fromEntries(entries) as Record<string, string>
}
