import { type Static, Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan, ResourceType } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryApiVersions, isSince } from '../api-versions.ts'
import { requireName } from '../artifact-name.ts'
import { galleryProperties } from '../gallery-document.ts'
import { galleryError } from '../gallery-errors.ts'
import { requireRoom } from '../room.ts'
import { count, date, flag, oneOf, shown, text } from '../schema-members.ts'
import { requireFit } from '../sharing/require-shareable.ts'
import { type Feature, sameFeatures, settleFeatures } from './features.ts'

const immutable = { immutable: true }
const range = () => Type.Optional(Type.Object({ min: count({ minimum: 0 }), max: count({ minimum: 0 }) }))

const properties = Type.Object({
  description: text(),
  eula: text(immutable),
  privacyStatementUri: text(immutable),
  releaseNoteUri: text(),
  osType: Type.Enum(['Windows', 'Linux'], immutable),
  osState: Type.Enum(['Generalized', 'Specialized'], immutable),
  hyperVGeneration: oneOf(['V1', 'V2'], immutable),
  endOfLifeDate: date(),
  identifier: Type.Object({
    publisher: Type.String(immutable),
    offer: Type.String(immutable),
    sku: Type.String(immutable),
  }),
  recommended: Type.Optional(Type.Object({ vCPUs: range(), memory: range() })),
  disallowed: Type.Optional(
    Type.Object({ diskTypes: Type.Optional(Type.Array(Type.String({ maxLength: 80 }), { maxItems: 20 })) }),
  ),
  purchasePlan: Type.Optional(
    Type.Object({ name: text(immutable), publisher: text(immutable), product: text(immutable) }),
  ),
  // Not immutable here: with `allowUpdateImage` they may change, which is decided below.
  features: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), value: Type.String(), startsAtVersion: text() }), {
      keep: true,
      maxItems: 20,
    }),
  ),
  architecture: oneOf(['x64', 'Arm64'], { ...immutable, default: 'x64' }),
  allowUpdateImage: flag({ writeOnly: true }),
  provisioningState: shown(),
})
export type ImageProperties = Omit<Static<typeof properties>, 'features'> & { features?: readonly Feature[] }

export const imageProperties = (image: ResourceDocument): ImageProperties =>
  image.properties as unknown as ImageProperties

/** An image definition: what all versions of an image have in common. */
export const galleryImage: ResourceType = {
  type: 'Microsoft.Compute/galleries/images',
  apiVersions: galleryApiVersions,
  tracked: true,
  schema: Type.Object({ properties }),
  bodyName: 'galleryImage',
  checkName: name => requireName(name, 'galleryImageName'),
  plan,
  operationsType: 'Microsoft.Compute/locations/capsOperations',
}

async function plan(change: Change, arm: Arm): Promise<Plan> {
  const { wanted, existing, request } = change
  const asked = imageProperties(wanted)
  requireFuture(asked.endOfLifeDate, existing && imageProperties(existing).endOfLifeDate, arm)
  requireRanges(asked.recommended)
  const settled = settle(change, request.apiVersion)
  if (!existing) {
    requireFit({ ...wanted, properties: settled as unknown as JsonObject }, change.parent as ResourceDocument)
    requireIdentifier(asked.identifier)
    await requireRoom(
      galleryImage.type as 'Microsoft.Compute/galleries/images',
      wanted.subscriptionId ?? '',
      wanted.location ?? '',
      arm,
    )
    await requireFreeIdentifier(wanted, arm)
  }
  return {
    document: { ...wanted, properties: settled as unknown as JsonObject },
    // Again, while nobody else writes: of two that come at once one has the identifier.
    async inCommit(transaction, saved) {
      if (!existing) await requireFreeIdentifier(wanted, arm, transaction)
      return saved
    },
  }
}

/** Fills in what depends on the api-version: since 2025-03-03 an image is of generation 2 and fit for Trusted Launch. */
const settle = ({ wanted, existing, given, parent }: Change, apiVersion: string): ImageProperties => {
  const modern = !existing && isSince(apiVersion, '2025-03-03')
  const { features: sent, ...rest } = imageProperties(wanted)
  const hyperVGeneration = rest.hyperVGeneration ?? (modern ? 'V2' : 'V1')
  const permissions = parent && galleryProperties(parent).sharingProfile?.permissions
  const ground = { hyperVGeneration, isPrivateGallery: (permissions ?? 'Private') === 'Private' }
  const features = existing
    ? unlessChanged(settleFeatures(sent ?? [], ground), imageProperties(existing).features ?? [], given)
    : withDefault(settleFeatures(sent ?? [], ground), modern && hyperVGeneration === 'V2')
  return { ...rest, hyperVGeneration, ...(features.length > 0 ? { features } : {}) }
}

const withDefault = (features: readonly Feature[], byDefault: boolean): readonly Feature[] =>
  byDefault && !features.some(({ name }) => name === 'SecurityType')
    ? [...features, { name: 'SecurityType', value: 'TrustedLaunchSupported' }]
    : features

const unlessChanged = (wanted: readonly Feature[], existing: readonly Feature[], given: JsonObject) => {
  const allowed = (given.properties as JsonObject | undefined)?.allowUpdateImage === true
  if (!allowed && !sameFeatures(wanted, existing))
    throw armError.propertyChangeNotAllowed('galleryImage.properties.features')
  return wanted
}

/** A date that was set in its time may stay when it has passed: clients send back what they got. */
const requireFuture = (wanted: string | undefined, existing: string | undefined, { clock }: Arm) => {
  if (wanted !== undefined && wanted !== existing && Date.parse(wanted) <= clock.now().getTime())
    throw galleryError.endOfLifePast('galleryImage.properties.endOfLifeDate')
}

const requireRanges = (recommended: ImageProperties['recommended']) => {
  for (const name of ['vCPUs', 'memory'] as const) {
    const { min = 0, max = Number.POSITIVE_INFINITY } = recommended?.[name] ?? {}
    if (min > max) throw galleryError.minimumAboveMaximum(name)
  }
}

const requireIdentifier = (identifier: ImageProperties['identifier']) => {
  for (const [member, limit] of [
    ['publisher', 128],
    ['offer', 64],
    ['sku', 64],
  ] as const) {
    const value = identifier[member]
    if (value.length > limit || !/^[A-Za-z0-9._-]*[A-Za-z0-9_-]$/.test(value))
      throw galleryError.identifierInvalid(member, limit)
  }
}

const triple = ({ publisher, offer, sku }: ImageProperties['identifier']) =>
  [publisher, offer, sku].join('/').toLowerCase()

const requireFreeIdentifier = async (wanted: ResourceDocument, { resources }: Arm, transaction?: Transaction) => {
  const { identifier } = imageProperties(wanted)
  const images = await listAll(resources, { type: galleryImage.type, parentKey: wanted.parentKey }, transaction)
  const twin = images.find(
    image => triple(imageProperties(image).identifier) === triple(identifier) && image.key !== wanted.key,
  )
  if (!twin) return
  throw galleryError.identifierTaken(twin.name, identifier.publisher, identifier.offer, identifier.sku)
}
