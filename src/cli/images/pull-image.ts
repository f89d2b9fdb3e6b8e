import * as fs from 'node:fs/promises'
import type { Watch } from '#data-plane/disks/data-runs.ts'
import { type WritableFormat, writeDisk } from '#data-plane/disks/write-disk.ts'
import { type SparseBytes, sliceOf } from '#foundation/sparse-bytes.ts'
import type { Json } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import { Failure } from '../failure.ts'
import { digestingBytes } from './digesting-bytes.ts'
import { type DefinitionPlace, definitionId, versionId } from './image-ids.ts'
import { pageBlob, readAhead } from './page-blob.ts'
import { sha256Tag, sizeTag } from './publish-image.ts'
import { shortName } from './target-regions.ts'
import { withTemporaryDisk } from './temporary-disk.ts'
import type { UploadStart } from './upload-disk.ts'

export interface PullOrder {
  readonly place: DefinitionPlace
  /** An exact version; see `resolveVersion` for the latest. */
  readonly version: string
  /** Where to read from; the version's first region unless named. */
  readonly region?: string
  /** Ask for the definition without a version, so that the server finds the latest; it must be the version named here. */
  readonly isAskedAsLatest?: boolean
}

export interface Pulled {
  readonly region: string
  readonly sizeBytes: number
  /** Bytes that are not in holes. */
  readonly dataBytes: number
  readonly sha256: string
  /** Whether a digest was noted when the version was published, and is the same. */
  readonly isChecked: boolean
}

const grantSeconds = 24 * 3600
const vhdFooterBytes = 512

/** The name of the latest version, by the rules of Azure: the highest that is ready, not excluded, and has a replica there. */
export const resolveVersion = async (
  { arm }: Client,
  place: DefinitionPlace,
  version: string,
  region?: string,
): Promise<string> => {
  if (version !== 'latest') return version
  const versions = await arm.list(`${definitionId(place)}/versions`)
  const latest = latestOf(versions, region)
  if (latest === undefined)
    throw new Failure(`${place.definition} has no version that counts as the latest${region ? ` in ${region}` : ''}.`)
  return latest
}

/** What an upload in this region may start as: the latest version there, if there is one. */
export const latestBase = async (
  client: Client,
  place: DefinitionPlace,
  region: string,
): Promise<UploadStart | undefined> => {
  const versions = await client.arm.list(`${definitionId(place)}/versions`)
  const latest = latestOf(versions, region)
  return latest === undefined ? undefined : { id: versionId(place, latest), isWished: false }
}

const latestOf = (versions: readonly Json[], region?: string): string | undefined =>
  versions
    .filter(candidate => countsForLatest(candidate.properties, region))
    .map(({ name }) => name)
    .sort(byNumbers)
    .at(-1)

const countsForLatest = ({ provisioningState, publishingProfile }: Json, region?: string): boolean => {
  if (provisioningState !== 'Succeeded') return false
  if (region === undefined) return publishingProfile.excludeFromLatest !== true
  const there = publishingProfile.targetRegions.find(({ name }: Json) => shortName(name) === shortName(region))
  return there !== undefined && (there.excludeFromLatest ?? publishingProfile.excludeFromLatest) !== true
}

/** Orders version names as numbers: 1.10.0 is higher than 1.9.0. */
export const byNumbers = (a: string, b: string): number => {
  const [left, right] = [a, b].map(name => name.split('.').map(Number)) as [number[], number[]]
  return left.map((part, at) => part - (right[at] ?? 0)).find(difference => difference !== 0) ?? 0
}

/** Reads a version's image through a managed disk made from it, which is removed in the end. */
export const withVersionBytes = async <T>(
  client: Client,
  { place, version, region, isAskedAsLatest }: PullOrder,
  work: (image: SparseBytes, about: { region: string; sha256: string | undefined }) => Promise<T>,
): Promise<T> => {
  const { arm } = client
  const resource = await arm.get(versionId(place, version))
  const from = region ?? shortName(resource.properties.publishingProfile.targetRegions[0].name)
  return await withTemporaryDisk(client, place, version, async disk => {
    await arm.put(disk, {
      location: from,
      properties: {
        creationData: {
          createOption: 'FromImage',
          galleryImageReference: { id: isAskedAsLatest ? definitionId(place) : resource.id },
        },
      },
    })
    const { accessSAS } = await arm.act(`${disk}/beginGetAccess`, { access: 'Read', durationInSeconds: grantSeconds })
    const blob = pageBlob(client.https, client.clock, accessSAS)
    const diskBytes = (await blob.sizeBytes()) - vhdFooterBytes
    const sizeBytes = Number(resource.tags?.[sizeTag] ?? diskBytes)
    if (!(sizeBytes <= diskBytes))
      throw new Failure(`The version claims ${sizeBytes} bytes, but its disk has ${diskBytes}.`)
    const whole = await readAhead(blob, diskBytes)
    return await work(sliceOf(whole, 0, sizeBytes), { region: from, sha256: resource.tags?.[sha256Tag] })
  })
}

/** Writes a version's image to a sparse file, which gets its name once the bytes are those that were noted at publishing. */
export const pullImage = async (
  client: Client,
  order: PullOrder,
  target: { file: string; format: WritableFormat; flushes?: boolean },
  watch: Watch,
): Promise<Pulled> =>
  await withVersionBytes(client, order, async (image, { region, sha256: published }) => {
    const digesting = digestingBytes(image, watch.signal)
    const unchecked = `${target.file}.unchecked-${process.pid}`
    try {
      await writeDisk(digesting, unchecked, target.format, { ...watch, flushes: target.flushes })
      const sha256 = await digesting.sha256()
      if (published !== undefined && sha256 !== published) throw notAsPublished(region, sha256, published)
      await fs.rename(unchecked, target.file)
      return {
        region,
        sizeBytes: image.sizeBytes,
        dataBytes: digesting.readBytes(),
        sha256,
        isChecked: published !== undefined,
      }
    } finally {
      await fs.rm(unchecked, { force: true })
    }
  })

const notAsPublished = (region: string, sha256: string, published: string): Failure =>
  new Failure(`What came from ${region} has SHA-256 ${sha256}, but ${published} was published.`, {
    advice:
      'No file was written. Run `opengallery verify --repair`, then pull again, from another --region if need be.',
  })
