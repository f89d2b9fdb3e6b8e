import { armError } from '#arm/arm-error.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import type { BundleHead } from '#data-plane/bundles/bundle-head.ts'
import { refuseUnless } from '#data-plane/bundles/bundle-record.ts'
import type { ChunkSource, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { FormerStatement } from '#provenance/statement.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import {
  type BundledDisk,
  type BundledResource,
  type BundledVersion,
  idOfPath,
  readContent,
  type VersionRef,
} from './bundle-content.ts'
import { bundleError } from './bundle-errors.ts'
import type { BundledDisks } from './bundled-disks.ts'
import { asError, refOf } from './plan-export.ts'

export interface ImportParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly disks: BundledDisks
  readonly subscriptionId: string
}

export interface ImportOrder {
  readonly head: BundleHead
  readonly source: ChunkSource
  /** Which region here stands for one of the bundle's. */
  readonly regionOf: ReadonlyMap<string, string>
  readonly caller: Caller
  readonly origin: string
  readonly signal: AbortSignal
  report(what: string, doneBytes: number, totalBytes: number): void
}

export interface Imported {
  /** What this installation has now of the bundle and of what it builds on. */
  readonly versions: readonly VersionRef[]
  readonly made: readonly string[]
  /** What could not be taken over as it was. */
  readonly notes: readonly string[]
}

const holdPrefix = ({ id }: Pick<BundleHead, 'id'>): string => `bundle/${id}/`

/**
 * Makes a bundle's versions real: their bytes are received and verified, chunk by chunk, and held; then ARM is asked, with the
 * importer's rights, for the resources they lie in and for the versions. Repeatable: what is there is left as it is.
 */
export const importBundle = async (order: ImportOrder, parts: ImportParts): Promise<Imported> => {
  const { head } = order
  const { parents, versions, base } = readContent(head)
  const run = { ...order, ...parts, notes: new Set<string>() }
  requireMapped(run)
  const missing: BundledVersion[] = []
  for (const version of versions) if (!(await isHere(version, run))) missing.push(version)
  await releaseHolds(parts.regions, name => !name.startsWith(holdPrefix(head)))
  const received = new Map<string, ReadonlyMap<string, Received>>()
  const totalBytes = missing.flatMap(({ disks }) => disks).reduce((sum, disk) => sum + disk.sizeBytes, 0)
  let doneBytes = 0
  for (const version of missing) {
    const report = (done: number) => order.report(version.path, doneBytes + done, totalBytes)
    received.set(version.path, await receiveDisks(version, run, report))
    doneBytes += version.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0)
  }
  for (const parent of parents)
    if (missing.some(({ path }) => path.startsWith(`${parent.path}/`))) await makeParent(parent, run)
  for (const version of missing) {
    order.report(version.path, totalBytes, totalBytes)
    await makeVersion(version, received.get(version.path) ?? new Map(), run)
  }
  await releaseHolds(parts.regions, () => true)
  const known: VersionRef[] = versions.map(({ path, disks }) => ({ path, manifests: disks.map(disk => disk.manifest) }))
  for (const ref of base) if (await isKept(ref, run)) known.push(ref)
  return { versions: known, made: missing.map(({ path }) => path), notes: [...run.notes] }
}

type Run = ImportOrder & ImportParts & { readonly notes: Set<string> }

interface Received {
  readonly region: string
  readonly manifest: ManifestId
  readonly sizeBytes: number
  readonly former?: FormerStatement
}

const requireMapped = ({ regionOf, arm }: Run): void => {
  for (const name of regionOf.values())
    if (!arm.findLocation(name)) throw armError.invalidQueryParameter('regions', name.slice(0, 100))
}

/** The region here that stands for one of the bundle's, if there is one. */
const regionFor = (name: string, { regionOf, arm }: Run): string | undefined =>
  arm.findLocation(regionOf.get(name) ?? name)?.name

/** The region in which a resource is to be at home: the one of its own name or the one named for it, else our first. */
const homeOf = ({ location }: BundledResource, run: Run): string =>
  regionFor(location, run) ?? run.arm.locations[0]?.name ?? ''

const findDocument = (path: string, { arm, subscriptionId }: Pick<Run, 'arm' | 'subscriptionId'>) =>
  arm.resources.find(idOfPath(subscriptionId, path).toLowerCase())

const isBusy = ({ provisioningState }: ResourceDocument): boolean =>
  ['Creating', 'Updating', 'Deleting'].includes(provisioningState)

const sameImages = (version: BundledVersion, document: ResourceDocument): boolean =>
  refOf(document).manifests.join() === version.disks.map(disk => disk.manifest).join()

/** Whether a version is here, complete and with the same bytes. Work on it that a former import began is waited for. */
const isHere = async (version: BundledVersion, run: Run): Promise<boolean> => {
  let document = await findDocument(version.path, run)
  while (document && isBusy(document)) {
    run.signal.throwIfAborted()
    await run.arm.clock.sleep(200, run.signal)
    document = await findDocument(version.path, run)
  }
  if (!document) return false
  const isWithout = refOf(document).manifests.length === 0
  if (!isWithout && !sameImages(version, document)) throw bundleError.versionDiffers(version.path)
  return document.provisioningState === 'Succeeded' && !isWithout
}

const isKept = async ({ path, manifests }: VersionRef, run: Run): Promise<boolean> => {
  const document = await findDocument(path, run)
  return document?.provisioningState === 'Succeeded' && refOf(document).manifests.join() === manifests.join()
}

/** Lets go of what imports hold. One runs at a time, so that what another bundle left behind was given up. */
const releaseHolds = async (regions: Regions, which: (name: string) => boolean): Promise<void> => {
  for (const region of regions.names) {
    const names: string[] = []
    for await (const { name } of regions.holds(region)) if (name.startsWith('bundle/') && which(name)) names.push(name)
    for (const name of names) await regions.release(region, name)
  }
}

const uriOf = (head: BundleHead, path: string, { slot }: BundledDisk): string =>
  `opengallery-bundle:${head.id}/${path}/${slot}`

const receiveDisks = async (
  version: BundledVersion,
  run: Run,
  report: (doneBytes: number) => void,
): Promise<ReadonlyMap<string, Received>> => {
  const { head, regions, source, signal } = run
  const region = homeOf(version, run)
  const received = new Map<string, Received>()
  let doneBytes = 0
  for (const disk of version.disks) {
    const { manifest, sizeBytes } = disk
    const onProgress = (done: number) => report(doneBytes + done)
    const hold = `${holdPrefix(head)}${manifest}`
    onProgress(0)
    const taken = await regions.receive(region, manifest, source, hold, { signal, onProgress })
    refuseUnless(taken.sizeBytes === sizeBytes, 'an image is not as large as it says')
    const former = version.provenance
    received.set(uriOf(head, version.path, disk), { region, manifest, sizeBytes, ...(former ? { former } : {}) })
    doneBytes += sizeBytes
  }
  return received
}

const put = async (path: string, body: object, { arm, subscriptionId, caller, origin }: Run): Promise<void> => {
  const request = { method: 'PUT' as const, path: idOfPath(subscriptionId, path), body: body as Json, caller, origin }
  const answer = await arm.complete(request)
  if (answer.status >= 400) throw asError(answer)
}

/** Groups, galleries and definitions that are here stay as they are. */
const makeParent = async (parent: BundledResource, run: Run): Promise<void> => {
  if (await findDocument(parent.path, run)) return
  const { path, tags, properties } = parent
  const location = homeOf(parent, run)
  const body = { location, ...(tags && { tags }), ...(properties && { properties: fresh(properties, path, run) }) }
  await put(path, body, run)
}

/** Without an end-of-life date that has passed: nothing new can be made with one. */
const fresh = (profile: JsonObject, path: string, { arm, notes }: Run): JsonObject => {
  const { endOfLifeDate, ...rest } = profile
  if (typeof endOfLifeDate !== 'string') return profile
  if (Date.parse(endOfLifeDate) > arm.clock.now().getTime()) return profile
  notes.add(`${path}: its end-of-life date ${endOfLifeDate} has passed and was left out.`)
  return rest
}

interface Profile {
  readonly publishingProfile?: JsonObject & { readonly targetRegions?: readonly (JsonObject & { name?: unknown })[] }
  readonly storageProfile?: {
    readonly osDiskImage?: JsonObject
    readonly dataDiskImages?: readonly JsonObject[]
  }
  readonly safetyProfile?: JsonObject
}

const makeVersion = async (
  version: BundledVersion,
  received: ReadonlyMap<string, Received>,
  run: Run,
): Promise<void> => {
  const { path, disks, tags } = version
  const location = homeOf(version, run)
  const { publishingProfile = {}, storageProfile, safetyProfile } = version.properties as Profile
  const sourceOf = (disk: BundledDisk) => ({ source: { uri: uriOf(run.head, path, disk) } })
  const osDisk = disks.find(({ slot }) => slot === 'os')
  const cachingOf = (slot: BundledDisk['slot']) =>
    slot === 'os'
      ? storageProfile?.osDiskImage?.hostCaching
      : storageProfile?.dataDiskImages?.find(({ lun }) => lun === slot)?.hostCaching
  const imageOf = (disk: BundledDisk) => {
    const hostCaching = cachingOf(disk.slot)
    return { ...(hostCaching !== undefined && { hostCaching }), ...sourceOf(disk) }
  }
  const data = disks.filter(({ slot }) => slot !== 'os').map(disk => ({ lun: disk.slot, ...imageOf(disk) }))
  const body = {
    location,
    ...(tags && { tags }),
    properties: {
      publishingProfile: {
        ...fresh(publishingProfile, path, run),
        targetRegions: targetsOf(publishingProfile.targetRegions ?? [], location, path, run),
      },
      storageProfile: { ...(osDisk && { osDiskImage: imageOf(osDisk) }), dataDiskImages: data },
      ...(safetyProfile && { safetyProfile }),
    },
  }
  await run.disks.with(received, () => put(path, body, run))
}

/** The target regions that are here, the home region among them. */
const targetsOf = (
  wanted: readonly (JsonObject & { name?: unknown })[],
  home: string,
  path: string,
  run: Run,
): readonly JsonObject[] => {
  const targets = new Map<string, JsonObject>()
  for (const region of wanted) {
    const name = regionFor(String(region.name), run)
    if (name === undefined) run.notes.add(`${path}: the region ${String(region.name)} is not here and was left out.`)
    else if (!targets.has(name)) targets.set(name, { ...region, name })
  }
  if (!targets.has(home)) targets.set(home, { name: home })
  return [...targets.values()]
}
