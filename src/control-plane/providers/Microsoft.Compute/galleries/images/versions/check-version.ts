import { type Envelope, openEnvelope } from '#provenance/envelope.ts'
import type { ImageKeys } from '#provenance/image-keys.ts'
import { boundBy, type FormerStatement } from '#provenance/statement.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { disksOf, type StoredDisk, type StoredDisks } from '../../../stored-disk.ts'
import { disksBySlot } from './disk-slots.ts'
import { versionError } from './version-errors.ts'

/** What is kept with a version of where it comes from; goes with it into the recycle bin and back. */
export interface Provenance {
  readonly envelope: Envelope
  /** The envelope as bytes that every region of the version holds beside its disks, for readers who ask a region alone. */
  readonly stored?: StoredDisk
  /** What the installation said of the same bytes from which a bundle brought them. */
  readonly former?: FormerStatement
}

export interface SigningParts {
  readonly imageKeys: ImageKeys
  /** What signs, in words: the product's version. */
  readonly productVersion: string
  /** Bytes of versions that are not signed are not used. */
  readonly requireSigned: boolean
}

export const provenanceOf = (document: ResourceDocument): Provenance | undefined =>
  document.hidden.provenance as unknown as Provenance | undefined

export const hiddenProvenance = (provenance: Provenance): JsonObject => ({
  provenance: provenance as unknown as JsonObject,
})

export const diskName = (slot: 'os' | number) => (slot === 'os' ? 'os' : `lun${slot}`)

export const manifestsOf = (disks: StoredDisks): Record<string, string> =>
  Object.fromEntries(disksBySlot(disks).map(({ slot, disk }) => [diskName(slot), disk.manifest]))

/** All that a region holds of a version: its disks, and what is signed of them. */
export const heldParts = (
  disks: StoredDisks,
  provenance: Provenance | undefined,
): readonly { readonly slot: 'os' | 'signed' | number; readonly disk: StoredDisk }[] => [
  ...disksBySlot(disks),
  ...(provenance?.stored ? [{ slot: 'signed' as const, disk: provenance.stored }] : []),
]

/** What checking a version comes to. */
export type Vouched = { readonly state: 'signed'; readonly keyid: string } | { readonly state: 'unsigned' | 'broken' }

/** Whether one of our keys says that this version, by its id and uid, has these bytes and no others. */
export const checkVersion = (version: ResourceDocument, { imageKeys }: Pick<SigningParts, 'imageKeys'>): Vouched => {
  const provenance = provenanceOf(version)
  if (!provenance) return { state: 'unsigned' }
  const opened = openEnvelope(provenance.envelope, imageKeys.all())
  const bound = opened && boundBy(opened.payload)
  const isSame =
    bound?.id.toLowerCase() === version.key &&
    bound.uid === version.uid &&
    sameDisks(bound.disks, manifestsOf(disksOf(version) ?? { data: [] }))
  return opened && isSame ? { state: 'signed', keyid: opened.key.keyid } : { state: 'broken' }
}

const sameDisks = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.entries(one).every(([name, manifest]) => Object.hasOwn(other, name) && other[name] === manifest)

/**
 * Throws unless the version's bytes may be used: its signature is good, or it has none and none is asked for. Before every use of
 * them: a machine or disk made of it, a copy, a download, a bundle, another region. `name` is what whoever uses it calls it.
 */
export const requireVouched = (version: ResourceDocument, parts: SigningParts, name = version.id): void => {
  const { state } = checkVersion(version, parts)
  if (state === 'broken') throw versionError.signatureBroken(name)
  if (state === 'unsigned' && parts.requireSigned) throw versionError.notSigned(name)
}
