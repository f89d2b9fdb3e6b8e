import type { Caller } from '#arm/resource-type.ts'
import { type StatedSource, statementOf } from '#provenance/statement.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { type DiskOrigin, originName } from '../../../disk-origin.ts'
import { sourceKind } from '../../../source-bytes.ts'
import type { StoredDisks } from '../../../stored-disk.ts'
import { imageProperties } from '../image.ts'
import { diskName, manifestsOf, type Provenance, type SigningParts } from './check-version.ts'
import type { SourceDisk } from './find-sources.ts'

/** Vouches for a version whose bytes have just been taken in: which they are, where they came from, who wanted them. */
export const signVersion = (
  version: ResourceDocument,
  disks: StoredDisks,
  told: {
    readonly definition: ResourceDocument
    readonly sources: readonly SourceDisk[]
    readonly publisher?: Caller
    readonly finishedOn: string
  },
  { imageKeys, productVersion }: SigningParts,
): Provenance => {
  const { osType, identifier } = imageProperties(told.definition)
  const [key] = imageKeys.all()
  const payload = statementOf({
    id: version.id,
    uid: version.uid,
    definition: { id: told.definition.id, uid: told.definition.uid, osType, identifier },
    disks: manifestsOf(disks),
    ...(told.publisher ? { publisher: told.publisher } : {}),
    sources: told.sources.map(statedSource),
    builder: { id: `urn:opengallery:key:${key?.keyid ?? ''}`, version: productVersion },
    finishedOn: told.finishedOn,
  })
  const former = told.sources.map(({ origin }) => (origin.from === 'stored' ? origin.former : undefined)).find(Boolean)
  return { envelope: imageKeys.sign(payload), ...(former ? { former } : {}) }
}

const statedSource = ({ slot, origin }: SourceDisk): StatedSource => ({
  disk: diskName(slot),
  kind: kindOf(origin),
  uri: originName(origin),
  ...(origin.from === 'stored' || origin.from === 'blob' ? { manifest: origin.manifest } : {}),
})

const kindOf = (origin: DiskOrigin): string => {
  if (origin.from !== 'stored') return origin.from
  if (origin.version !== undefined) return 'version'
  return origin.id.startsWith('opengallery-bundle:') ? 'bundle' : (sourceKind(origin.id) ?? 'stored')
}
