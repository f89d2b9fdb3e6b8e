import { ResourceId } from '#arm/resource-id.ts'
import { galleryImageIdText, parseGalleryImageId } from '../galleries/sharing/gallery-image-id.ts'
import type { MachineImage } from './find-machine-image.ts'
import type { ImageReference } from './machine-document.ts'
import { machineError } from './machine-errors.ts'

const versionType = 'microsoft.compute/galleries/images/versions'
const definitionType = 'microsoft.compute/galleries/images'

/** The members that name a version of a gallery. */
const galleryMembers = ['id', 'sharedGalleryImageId', 'communityGalleryImageId'] as const

/**
 * What a machine is reimaged to: the version that it was made of (`latest` may mean another one by now), or the one that the caller
 * names, `1.2.3` or `latest` of the same definition. A managed image has none to choose from.
 */
export const earlierReference = (reference: ImageReference, exactVersion: string | undefined): ImageReference => {
  if (exactVersion !== undefined && !/^(latest|\d+\.\d+\.\d+)$/i.test(exactVersion))
    throw machineError.valueInvalid('exactVersion')
  const { exactVersion: made, ...named } = reference
  const number = exactVersion ?? made
  const member = memberOf(reference)
  if (member === undefined) return number === undefined ? named : { ...named, version: number }
  const text = reference[member] ?? ''
  const read = readName(text)
  if (read) return { [member]: number === undefined ? read.definition : read.versionOf(number) }
  if (exactVersion !== undefined) throw machineError.valueInvalid('exactVersion')
  return { [member]: text }
}

/** What the machine shows from then on: a reference to the latest stays one, a pinned one names the version that it is now. */
export const laterReference = (reference: ImageReference, image: MachineImage): ImageReference => {
  const { exactVersion } = image.reference
  const member = memberOf(reference)
  if (member === undefined)
    return { ...image.reference, ...(isLatest(reference.version) ? { version: reference.version ?? 'latest' } : {}) }
  const text = reference[member] ?? ''
  const isPinned = !isLatest(readName(text)?.version)
  return {
    [member]: isPinned && exactVersion !== reference.exactVersion ? image.id : text,
    ...(exactVersion === undefined ? {} : { exactVersion }),
  }
}

const memberOf = (reference: ImageReference) => galleryMembers.find(member => reference[member] !== undefined)

const isLatest = (version = 'latest'): boolean => version.toLowerCase() === 'latest'

interface Name {
  readonly definition: string
  readonly version?: string
  versionOf(number: string): string
}

/** The definition and version that a reference is about; `undefined` for a managed image. */
const readName = (text: string): Name | undefined => {
  const shared = parseGalleryImageId(text)
  if (shared) {
    const { version, ...image } = shared
    return {
      definition: galleryImageIdText(image),
      ...(version === undefined ? {} : { version }),
      versionOf: number => galleryImageIdText({ ...image, version: number }),
    }
  }
  const id = ResourceId.parse(text)
  const type = id?.type.toLowerCase()
  if (!id || (type !== definitionType && type !== versionType)) return undefined
  const definition = (type === definitionType ? id : id.parent).toString()
  return {
    definition,
    ...(type === versionType ? { version: id.name } : {}),
    versionOf: number => `${definition}/versions/${number}`,
  }
}
