import { usageError } from '../failure.ts'

/** Where a definition is, or shall be. */
export interface DefinitionPlace {
  readonly subscriptionId: string
  readonly group: string
  readonly gallery: string
  readonly definition: string
}

export const groupId = ({ subscriptionId, group }: Pick<DefinitionPlace, 'subscriptionId' | 'group'>): string =>
  `/subscriptions/${subscriptionId}/resourceGroups/${group}`

export const galleryId = (place: Omit<DefinitionPlace, 'definition'>): string =>
  `${groupId(place)}/providers/Microsoft.Compute/galleries/${place.gallery}`

export const definitionId = (place: DefinitionPlace): string => `${galleryId(place)}/images/${place.definition}`

export const versionId = (place: DefinitionPlace, version: string): string =>
  `${definitionId(place)}/versions/${version}`

const fullId =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/galleries\/([^/]+)\/images\/([^/]+)(?:\/versions\/([^/]+))?\/?$/i

const advice =
  'Give a resource id (/subscriptions/.../images/NAME/versions/1.0.0) or GROUP/GALLERY/NAME[/VERSION]; without a version, the latest is meant.'

/** A version as people write it: a resource id, or `group/gallery/definition[/version]`. */
export const parseVersion = (text: string, subscriptionId: string): DefinitionPlace & { version: string } => {
  const [, subscription, ...named] = fullId.exec(text) ?? []
  const parts = subscription === undefined ? text.split('/') : named
  const [group, gallery, definition, version = 'latest', ...rest] = parts
  if (text.startsWith('/') && subscription === undefined)
    throw usageError(`'${text}' is not the id of an image version or definition.`, advice)
  if (!group || !gallery || !definition || !version || rest.length > 0)
    throw usageError(`'${text}' names no image version.`, advice)
  return { subscriptionId: subscription ?? subscriptionId, group, gallery, definition, version }
}

/** A definition as people write it: its id, or its name with the group and gallery beside it. */
export const parseDefinition = (
  text: string,
  beside: { subscriptionId: string; group: string; gallery: string },
): DefinitionPlace => {
  if (!text.includes('/')) return { ...beside, definition: text }
  const { version, ...place } = parseVersion(text, beside.subscriptionId)
  if (version !== 'latest') throw usageError(`'${text}' names a version; --definition wants a definition.`, advice)
  return place
}
