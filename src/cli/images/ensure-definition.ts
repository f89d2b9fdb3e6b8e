import type { ArmClient } from '../client/arm-client.ts'
import { type DefinitionPlace, definitionId, galleryId, groupId } from './image-ids.ts'

/** What a definition is made with where it is missing; one that exists keeps its own. */
export interface DefinitionWish {
  readonly location: string
  readonly osType: string
  readonly osState: string
  readonly hyperVGeneration: string
  readonly publisher: string
  readonly offer: string
  readonly sku: string
}

export interface Definition {
  readonly location: string
  readonly osType: string
  readonly hyperVGeneration: string
}

/** Makes the resource group, the gallery and the definition where they are missing; `onMade` tells which. */
export const ensureDefinition = async (
  arm: ArmClient,
  place: DefinitionPlace,
  wish: DefinitionWish,
  onMade: (what: string) => void,
): Promise<Definition> => {
  const existing = await arm.find(definitionId(place))
  if (existing) return facts(existing)
  const { location, osType, osState, hyperVGeneration, publisher, offer, sku } = wish
  const ensure = async (what: string, id: string, body: object) => {
    if (await arm.find(id)) return
    await arm.put(id, { location, ...body })
    onMade(what)
  }
  await ensure(`resource group ${place.group}`, groupId(place), {})
  await ensure(`gallery ${place.gallery}`, galleryId(place), { properties: {} })
  await ensure(`definition ${place.definition} (${osType}, ${osState}, ${hyperVGeneration})`, definitionId(place), {
    properties: { osType, osState, hyperVGeneration, identifier: { publisher, offer, sku } },
  })
  return facts(await arm.get(definitionId(place)))
}

const facts = (definition: { location: string; properties: Record<string, string> }): Definition => ({
  location: definition.location,
  osType: definition.properties.osType ?? 'Linux',
  hyperVGeneration: definition.properties.hyperVGeneration ?? 'V1',
})
