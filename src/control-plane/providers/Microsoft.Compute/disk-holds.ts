import type { ResourceDocument } from '#resources/resource-document.ts'
import { holdName, type StoredDisk } from './stored-disk.ts'

/**
 * The hold of a disk, snapshot or managed image on its bytes. The manifest is part of the name, so that a name never moves from one
 * manifest to another: whoever makes an old promise good again, beside the work that replaces it, takes nothing away.
 */
export const diskHold = (
  document: ResourceDocument,
  slot: Parameters<typeof holdName>[1],
  { manifest }: Pick<StoredDisk, 'manifest'>,
): string => `${holdName(document, slot)}-${manifest.slice(0, 16)}`

/** A hold on what a step has made, until the disk's own one is there. `pass` names the one run of work that it belongs to. */
export const passingHold = (
  document: ResourceDocument,
  work: 'taken' | 'grown' | 'sealed' | 'sliced',
  pass: string,
): string => `${document.key}@${document.uid}/${work}-${pass}`

/** All holds of a resource begin so. */
export const holdPrefix = (document: ResourceDocument): string => `${document.key}@${document.uid}/`
