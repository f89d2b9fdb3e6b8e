import assert from 'node:assert/strict'
import type { ActivityRecord } from '#activity/activity-record.ts'
import { verifyChain } from '#activity/verify-chain.ts'
import type { ChunkStore, Hold } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import { seededRandom } from '#foundation/random.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { checkVersion } from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { diskOf, disksOf } from '#providers/Microsoft.Compute/stored-disk.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { SUBSCRIPTION } from '../support/test-arm.ts'
import type { CrashingDisk } from './crashing-files.ts'
import { type Machine, STORES, type World } from './publish-world.ts'

/** A disk's bytes: some at the front, zeros behind. */
export interface Image {
  readonly name: string
  readonly front: Buffer
  readonly sizeBytes: number
}

/** What a client was told of a resource, and may count on. */
export type Fact =
  | { readonly is: 'there' }
  /** A disk that waits for its upload, with what was written so far from its start. */
  | { readonly is: 'upload'; readonly written: Buffer; readonly sizeBytes: number }
  | { readonly is: 'disk'; readonly image: Image }
  | {
      readonly is: 'version'
      readonly os: Image
      readonly data?: Image
      /** Replicas by region. */
      readonly regions: Readonly<Record<string, number>>
      /** Soft-deleted: out of sight, but with all its bytes. */
      readonly deleted?: true
    }

export const keyOf = (path: string): string => `/subscriptions/${SUBSCRIPTION}/resourcegroups/rg${path}`.toLowerCase()
const binKeyOf = (path: string): string =>
  keyOf(path).replace(/\/images\/([^/]+)\/versions\//, '/softdeletedartifacttypes/images/artifacts/$1/versions/')

/**
 * The acknowledged state of everything a client made. While a request is under way the state before it and the one it asks for are
 * both fine; once it was answered only the latter is.
 */
export class Facts {
  readonly #may = new Map<string, (Fact | undefined)[]>()
  readonly #operations = new Set<string>()

  async change(path: string, next: Fact | undefined, request: () => Promise<unknown>): Promise<void> {
    const before = this.#may.get(path) ?? [undefined]
    this.#may.set(path, [...before, next])
    await request()
    this.#may.set(path, [next])
  }

  /** What a request that changes a resource again begins with. */
  of(path: string): Fact | undefined {
    return this.#may.get(path)?.at(0)
  }

  /** Everything is to go with its group: from now on each may be gone, versions into the bin. */
  letGo(): void {
    for (const [path, may] of this.#may) {
      const inBin = may.flatMap(fact => (fact?.is === 'version' ? [{ ...fact, deleted: true as const }] : []))
      this.#may.set(path, [...may, ...inBin, undefined])
    }
  }

  /** A client got this URL to poll. */
  acknowledge(operationUrl: string): void {
    this.#operations.add(operationUrl)
  }

  /** Azure's promise too: an operation can be polled for a day. */
  forgetOperations(): void {
    this.#operations.clear()
  }

  /** The world at rest is as it was acknowledged: for who polls, on the disks, and for who reads. */
  async check(machine: Machine, world: World): Promise<void> {
    for (const url of this.#operations) {
      const { status, body } = await world.send('GET', new URL(url).pathname)
      assert.deepEqual([status, body.status], [200, 'Succeeded'], `the poll of ${url}: ${JSON.stringify(body)}`)
    }
    for (const { id, status, error } of await machine.rows('operation'))
      assert.equal(status, 'Succeeded', `operation ${id}: ${error}`)
    const stored = await storedAfterPowerLoss(machine.disk)
    for (const [path, allowed] of this.#may) {
      const reasons = await Promise.all(allowed.map(fact => misfit(path, fact, stored, world)))
      assert.ok(reasons.includes(undefined), `${path}: ${reasons.join(' / ')}`)
    }
    await checkActivity(machine, world)
  }
}

/** Whatever is there was written down in the commit that made it, and the log is whole. */
const checkActivity = async (machine: Machine, { activityLog }: World): Promise<void> => {
  const [base, head] = [await activityLog.base(), await activityLog.head()]
  const verdict = await verifyChain(activityLog.chain(), { base, head, publicKey: activityLog.publicKey })
  assert.deepEqual(verdict.faults, [])
  const written = new Set<string>()
  for await (const { record } of activityLog.chain()) {
    const { action, resourceId, status } = JSON.parse(record) as ActivityRecord
    if (/\/write$/.test(action) && status !== 'Failed') written.add(resourceId.toLowerCase())
  }
  for (const { key } of await machine.rows('resource')) {
    const isBin = /\/softdeletedartifacttypes\//.test(String(key)) // made by a delete
    if (String(key).includes('/providers/') && !isBin)
      assert.ok(written.has(String(key)), `${key} was never written down`)
  }
}

/** What the stores would still hold if the power went now, each read without help from the others. */
interface Stored {
  /** Whether a store has an image under one of a resource's holds. */
  has(store: string, document: ResourceDocument, image: Image): Promise<boolean>
  draft(store: string, id: string): Promise<SparseBytes | undefined>
}

const storedAfterPowerLoss = async (disk: CrashingDisk): Promise<Stored> => {
  const copy = disk.copy()
  copy.mode = 'power'
  copy.reboot()
  const parts = { files: copy.files(), random: seededRandom(1), clock: new FakeClock(), workers: hashInThread() }
  const stores = new Map<string, { store: ChunkStore; holds: Hold[] }>()
  for (const at of Object.values(STORES).flat()) {
    const store = await openStore(at, parts)
    const holds: Hold[] = []
    for await (const hold of store.holds()) holds.push(hold)
    stores.set(at, { store, holds })
  }
  const of = (at: string) => stores.get(at) ?? assert.fail(`There is no store in ${at}.`)
  const compared = new Map<string, Promise<boolean>>()
  return {
    draft: async (at, id) => (await of(at).store.findDraft(id))?.bytes(),
    async has(at, { key, uid }, image) {
      const { store, holds } = of(at)
      for (const { name, manifest } of holds) {
        if (!name.startsWith(`${key}@${uid}/`)) continue
        const question = `${at} ${manifest} ${image.name}`
        const answer = compared.get(question) ?? store.open(manifest).then(bytes => isSame(bytes, image))
        compared.set(question, answer)
        if (await answer) return true
      }
      return false
    },
  }
}

/** Why a resource is not as a fact says; undefined if it is. */
const misfit = async (
  path: string,
  fact: Fact | undefined,
  stored: Stored,
  { resources, regions, signing }: World,
): Promise<string | undefined> => {
  const live = await resources.find(keyOf(path))
  const bin = await resources.find(binKeyOf(path))
  const deleted =
    bin && bin.key !== live?.key ? (bin.hidden as unknown as { version: ResourceDocument }).version : undefined
  const document = fact?.is === 'version' && fact.deleted ? deleted : live
  if (!fact) return live || deleted ? 'is still there' : undefined
  if (!document) return 'is not there'
  if (fact.is === 'version' && fact.deleted) {
    if (live) return 'is there beside its deleted self'
  } else if (document.provisioningState !== 'Succeeded') return `is ${document.provisioningState}`
  else if (deleted) return 'is deleted beside its living self'

  const holds = async (region: string, image: Image, copies: number) => {
    const folders: readonly string[] = STORES[region as keyof typeof STORES]
    const found = await Promise.all(folders.map(at => stored.has(at, document, image)))
    const count = found.filter(Boolean).length
    return count === copies ? undefined : `${image.name} has ${count} of ${copies} replicas in ${region}`
  }
  const reads = async (region: string, manifest: Parameters<typeof regions.open>[1] | undefined, image: Image) => {
    const bytes = manifest && (await regions.open(region, manifest))
    return (await isSame(bytes, image)) ? undefined : `can't be read in ${region}`
  }
  if (fact.is === 'there') return undefined
  if (fact.is === 'upload') {
    const { upload } = document.hidden as { upload?: { draft: string; started?: boolean } | null }
    if (!upload) return 'does not wait for its upload'
    if (fact.written.length === 0) return undefined
    const image = { name: upload.draft, front: fact.written, sizeBytes: fact.sizeBytes }
    return (await isSame(await stored.draft('/eastus', upload.draft), image)) ? undefined : 'lost a part of its upload'
  }
  if (fact.is === 'disk') {
    const disk = diskOf(document)
    return (await holds('eastus', fact.image, 1)) ?? (await reads('eastus', disk?.manifest, fact.image))
  }
  const { state } = checkVersion(document, signing)
  if (state !== 'signed') return `has a signature that is ${state}`
  const { targetRegions } = (
    document.properties as unknown as {
      publishingProfile: { targetRegions: { name: string; regionalReplicaCount: number }[] }
    }
  ).publishingProfile
  const promised = targetRegions.map(({ name, regionalReplicaCount }) => [name, regionalReplicaCount])
  const wanted = Object.entries(fact.regions)
  if (JSON.stringify(promised) !== JSON.stringify(wanted))
    return `is promised to ${promised.join()}, not ${wanted.join()}`
  for (const [region, copies] of wanted) {
    const why =
      (await holds(region, fact.os, copies)) ??
      (await reads(region, disksOf(document)?.os?.manifest, fact.os)) ??
      (fact.data && (await holds(region, fact.data, copies)))
    if (why !== undefined) return why
  }
  return undefined
}

const isSame = async (bytes: SparseBytes | undefined, image: Image): Promise<boolean> => {
  if (bytes === undefined) return false
  try {
    return bytes.sizeBytes === image.sizeBytes && (await isFilled(bytes, image))
  } finally {
    await bytes.close()
  }
}

const isFilled = async (bytes: SparseBytes, { front }: Image): Promise<boolean> => {
  const found = Buffer.alloc(front.length)
  await bytes.read(0, found)
  if (!found.equals(front)) return false
  for await (const { offset, length } of bytes.extents()) {
    const start = Math.max(offset, front.length)
    const behind = Buffer.alloc(Math.max(0, offset + length - start))
    if (behind.length > 0) await bytes.read(start, behind)
    if (behind.some(byte => byte !== 0)) return false
  }
  return true
}
