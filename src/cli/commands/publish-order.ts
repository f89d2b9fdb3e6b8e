import type { DiskFormatName } from '#data-plane/disks/inspect.ts'
import type { Client } from '../client/open-client.ts'
import { usageError } from '../failure.ts'
import { type Definition, ensureDefinition } from '../images/ensure-definition.ts'
import { type DefinitionPlace, definitionId, parseDefinition, parseVersion, versionId } from '../images/image-ids.ts'
import type { PublishOrder } from '../images/publish-image.ts'
import { byNumbers, latestBase, resolveVersion } from '../images/pull-image.ts'
import { parseRegions, shortName, type TargetRegion } from '../images/target-regions.ts'
import type { DataOption } from '../shell.ts'

export interface PublishOptions extends DataOption {
  definition: string
  group: string
  gallery: string
  version?: string
  /** False for --no-base. */
  base?: string | false
  format?: DiskFormatName
  regions?: string
  location?: string
  osType: string
  osState: string
  hyperVGeneration?: string
  publisher?: string
  offer?: string
  sku?: string
  endOfLife?: string
  excludeFromLatest?: true
  json?: true
}

/** What the options ask for, checked as far as can be before anything is made or sent; then makes the definition if need be. */
export const publishOrder = async (
  client: Client,
  firmware: () => Promise<string>,
  options: PublishOptions,
  onMade: (what: string) => void,
): Promise<PublishOrder> => {
  const place = placeOf(client, options)
  const { endOfLife, excludeFromLatest } = options
  if (endOfLife !== undefined && !(/^\d{4}-\d{2}-\d{2}/.test(endOfLife) && Date.parse(endOfLife) > 0))
    throw usageError(`--end-of-life takes a date, not '${endOfLife}'.`, 'Write --end-of-life 2030-12-31')
  const { location, regions } = await wantedRegions(client, options)
  const version = await wantedVersion(client, place, options.version)
  const definition = await wantedDefinition(client, place, location, firmware, options, onMade)
  const publishingProfile = {
    ...(endOfLife !== undefined && { endOfLifeDate: endOfLife }),
    ...(excludeFromLatest && { excludeFromLatest: true }),
  }
  const base = options.base === undefined ? await latestBase(client, place, location) : undefined
  return { place, definition, location, regions, version, publishingProfile, base }
}

const placeOf = ({ access: { subscriptionId } }: Client, { definition, group, gallery }: PublishOptions) =>
  parseDefinition(definition, { subscriptionId, group, gallery })

/** The version that `--base` names: a number means one of the definition that is published to. */
export const publishBase = async (
  client: Client,
  base: string,
  options: PublishOptions,
): Promise<{ id: string; firmware: string }> => {
  const isNumber = /^(\d+\.\d+\.\d+|latest)$/.test(base)
  const { version, ...place } = isNumber
    ? { ...placeOf(client, options), version: base }
    : parseVersion(base, client.access.subscriptionId)
  const id = versionId(place, await resolveVersion(client, place, version))
  if (!(await client.arm.find(id))) throw usageError(`There is no version ${id}.`)
  const { properties } = await client.arm.get(definitionId(place))
  return { id, firmware: properties.hyperVGeneration ?? 'V1' }
}

const wantedRegions = async (
  { arm, access }: Client,
  options: PublishOptions,
): Promise<{ location: string; regions: TargetRegion[] }> => {
  const known: string[] = (await arm.list(`/subscriptions/${access.subscriptionId}/locations`)).map(({ name }) => name)
  const named = options.regions === undefined ? [] : parseRegions(options.regions)
  const location = shortName(options.location ?? named[0]?.name ?? known[0] ?? '')
  for (const region of [location, ...named.map(({ name }) => name)])
    if (!known.includes(region))
      throw usageError(`The server has no region '${region}'.`, `It has ${known.join(', ')}.`)
  return { location, regions: named.length > 0 ? named : [{ name: location, regionalReplicaCount: 1 }] }
}

const wantedVersion = async ({ arm }: Client, place: DefinitionPlace, named?: string): Promise<string> => {
  if (named === undefined) {
    const isThere = await arm.find(definitionId(place))
    return nextVersion(isThere ? await arm.list(`${definitionId(place)}/versions`) : [])
  }
  if (!/^\d+\.\d+\.\d+$/.test(named)) throw usageError(`'${named}' is not a version.`, 'Write --version 1.0.0')
  if (await arm.find(versionId(place, named)))
    throw usageError(`Version ${named} exists already.`, 'Leave --version out to publish the next one.')
  return named
}

/** One patch above the highest; the first where there are none. */
const nextVersion = (versions: readonly { name: string }[]): string => {
  const highest = versions
    .map(({ name }) => name)
    .sort(byNumbers)
    .at(-1)
  const [major, minor, patch] = highest?.split('.').map(Number) ?? []
  return patch === undefined ? '1.0.0' : `${major}.${minor}.${patch + 1}`
}

const wantedDefinition = async (
  { arm }: Client,
  place: DefinitionPlace,
  location: string,
  firmware: () => Promise<string>,
  { osType, osState, hyperVGeneration, publisher, offer, sku }: PublishOptions,
  onMade: (what: string) => void,
): Promise<Definition> => {
  const wish = {
    location,
    osType,
    osState,
    hyperVGeneration: hyperVGeneration ?? (await firmware()),
    publisher: publisher ?? place.gallery,
    offer: offer ?? place.definition,
    sku: sku ?? place.definition,
  }
  return await ensureDefinition(arm, place, wish, onMade)
}
