import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { openRawFile } from '#data-plane/disks/raw-file.ts'
import type { JumpableClock } from '#foundation/clock.ts'
import { ArmRefused } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import { Failure } from '../failure.ts'
import { durationText, partText, rateText, sizeText } from '../figures.ts'
import { ensureDefinition } from '../images/ensure-definition.ts'
import { type DefinitionPlace, definitionId, groupId, versionId } from '../images/image-ids.ts'
import { publishBars } from '../images/publish-bars.ts'
import { type Published, type PublishOrder, publishImage } from '../images/publish-image.ts'
import { latestBase, type PullOrder, pullImage, resolveVersion } from '../images/pull-image.ts'
import { showProgress } from '../progress.ts'
import type { Shell } from '../shell.ts'
import type { DemoImage } from './demo-image.ts'
import { flipByte } from './flip-byte.ts'
import type { Narrator } from './narrator.ts'
import { firstDifference } from './same-bytes.ts'

export interface Stage {
  readonly shell: Shell
  readonly story: Narrator
  readonly client: Client
  /** The server's clock. */
  readonly clock: JumpableClock
  readonly image: DemoImage
  readonly folder: string
  storeFolder(region: string, disk: string): string
  readonly signal: AbortSignal
}

const dayMs = 24 * 3600 * 1000
const damagedRegion = 'westeurope'
const regions = [
  { name: 'eastus', regionalReplicaCount: 2 },
  { name: 'westus2', regionalReplicaCount: 1 },
  { name: damagedRegion, regionalReplicaCount: 1 },
]

/** The story that the demo tells, in order. */
export const tellStory = async (stage: Stage): Promise<void> => {
  const { story, client, image } = stage
  const place = {
    subscriptionId: client.access.subscriptionId,
    group: 'demo',
    gallery: 'gallery',
    definition: 'machine',
  }
  const endOfLife = new Date(stage.clock.now().getTime() + 30 * dayMs)
  const second = path.join(stage.folder, 'image-1.0.1.raw')

  await story.step('Publish 1.0.0 to three regions', async outcome => {
    story.tell(
      'Each region keeps bytes of its own here, as on disks of their own. Else regions of one disk share files.',
    )
    const published = await publish(stage, place, '1.0.0', image.file, {
      publishingProfile: { endOfLifeDate: endOfLife.toISOString() },
      safetyProfile: { blockDeletionBeforeEndOfLife: true },
    })
    outcome(`${partText(published.bytes.newBytes, image.sizeBytes)} were new, ${storedText(published)}`)
  })
  await story.step('Change a little, publish 1.0.1', async outcome => {
    story.tell(`The image was changed: ${await image.change(second)}.`)
    const published = await publish(stage, place, '1.0.1', second)
    outcome(`${partText(published.bytes.newBytes, image.sizeBytes)} were new, ${travelledText(published)}`)
  })
  await story.step('Resolve the latest version', async outcome => {
    const latest = await resolveVersion(client, place, 'latest')
    require(latest === '1.0.1', `the latest version is ${latest}, not 1.0.1`)
    story.tell(`The highest version that is not excluded from the latest is ${latest}.`)
    outcome(latest)
  })
  await story.step('Pull both back, compare every byte', async outcome => {
    await pullAndCompare(stage, { place, version: '1.0.0', region: 'eastus' }, image.file)
    await pullAndCompare(stage, { place, version: '1.0.1', region: 'westus2', isAskedAsLatest: true }, second)
    outcome(`2 × ${sizeText(image.sizeBytes)}, every byte the same`)
  })
  await story.step('Damage a store, and see it heal', outcome => damageAndHeal(stage, place, second, outcome))
  await story.step('Delete what must not be deleted', outcome => deleteTooEarly(stage, place, endOfLife, outcome))
  await story.step('Clean up', outcome => cleanUp(stage, place, outcome))
}

const publish = async (
  { shell, client, story, signal }: Stage,
  place: DefinitionPlace,
  version: string,
  file: string,
  more: Pick<PublishOrder, 'publishingProfile' | 'safetyProfile'> = {},
): Promise<Published> => {
  const { terminal, clock } = shell
  const startedMs = clock.now().getTime()
  const image = await openRawFile(file)
  using progress = showProgress(terminal, clock)
  try {
    const wish = { osType: 'Linux', osState: 'Generalized', hyperVGeneration: 'V2', publisher: 'demo', offer: 'demo' }
    const definition = await ensureDefinition(
      client.arm,
      place,
      { ...wish, location: 'eastus', sku: 'machine' },
      what => story.tell(`Made ${what}.`),
    )
    const base = await latestBase(client, place, 'eastus')
    const order = { place, definition, version, location: 'eastus', regions, base, ...more }
    const watch = publishBars(progress, order, image.sizeBytes, clock)
    const published = await publishImage(client, order, image, { ...watch, signal })
    watch.done(published.bytes)
    progress.close()
    const elapsedMs = clock.now().getTime() - startedMs
    story.tell(
      `Version ${version} is in ${regions.length} regions after ${durationText(elapsedMs)}: ${travelledText(published)}.`,
    )
    return published
  } finally {
    await image.close()
  }
}

const travelledText = ({ bytes }: Published): string =>
  `${sizeText(bytes.regions.reduce((sum, region) => sum + region.sentBytes, 0))} travelled to other stores`

const storedText = ({ bytes }: Published): string => `stored as ${sizeText(bytes.storedBytes)}`

const pullAndCompare = async (
  { shell, client, story, folder, signal }: Stage,
  order: PullOrder & { region: string },
  original: string,
): Promise<void> => {
  const { version, region } = order
  const file = path.join(folder, `pulled-${version}.raw`)
  const startedMs = shell.clock.now().getTime()
  const { sizeBytes } = await pullImage(client, order, { file, format: 'raw' }, { signal })
  const rate = rateText(sizeBytes, shell.clock.now().getTime() - startedMs)
  const difference = await firstDifference(original, file)
  require(difference === undefined, `${version} from ${region} differs from the original at byte ${difference}`)
  const asked = order.isAskedAsLatest ? `${version}, asked for as the latest,` : version
  story.tell(`${asked} from ${region}: ${sizeText(sizeBytes)} at ${rate}, every byte the same as in the original.`)
  await fs.rm(file)
}

const damageAndHeal = async (
  stage: Stage,
  place: DefinitionPlace,
  original: string,
  outcome: (text: string) => void,
): Promise<void> => {
  const { story, client, storeFolder } = stage
  const folder = storeFolder(damagedRegion, 'disk1')
  const { file, offset } = await flipByte(folder)
  story.tell(
    `One bit flipped on disk: byte ${offset} of ${path.relative(path.dirname(folder), file)} in ${damagedRegion}.`,
  )
  const found = await client.admin.verify(damagedRegion, { heals: true })
  story.tell(
    `Verifying ${damagedRegion} read ${sizeText(found.bytes)}: ${found.corrupt} chunk corrupt, ${found.healed} healed from another region.`,
  )
  require(found.corrupt === 1 && found.healed === 1, 'the damage was not noticed and healed')
  const again = await client.admin.verify(damagedRegion, { heals: true })
  require(again.corrupt === 0 && again.missing === 0, 'the damage is still there')
  await pullAndCompare(stage, { place, version: '1.0.1', region: damagedRegion }, original)
  outcome(`${found.corrupt} corrupt chunk found and healed`)
}

const deleteTooEarly = async (
  { story, client, clock }: Stage,
  place: DefinitionPlace,
  endOfLife: Date,
  outcome: (text: string) => void,
): Promise<void> => {
  const id = versionId(place, '1.0.0')
  const refusal = await client.arm.remove(id).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(refusal instanceof ArmRefused)) throw refusal ?? new Failure('The version was deleted before its end of life.')
  story.tell(
    `Version 1.0.0 lives until ${endOfLife.toISOString().slice(0, 10)}; deleting it today is refused with ${refusal.status}:`,
  )
  story.tell(refusal.message)
  clock.jump(31 * dayMs)
  story.tell(`The server's clock jumps to ${clock.now().toISOString().slice(0, 10)}; deleting it is now allowed.`)
  await client.arm.remove(id)
  require((await client.arm.find(id)) === undefined, 'the version is still there')
  outcome(`refused with ${refusal.status}; allowed after the date`)
}

const cleanUp = async (
  { story, client }: Stage,
  place: DefinitionPlace,
  outcome: (text: string) => void,
): Promise<void> => {
  await client.arm.remove(groupId(place))
  require((await client.arm.find(definitionId(place))) === undefined, 'the definition is still there')
  let freedBytes = 0
  for (const { name } of regions) freedBytes += (await client.admin.collect(name, false)).freedBytes
  const left = (await client.admin.status()).regions.flatMap(({ stores }) => stores)
  require(left.every(store => store.chunks === 0), 'the stores still hold chunks')
  story.tell(
    `The resource group is gone with all in it; garbage collection freed ${sizeText(freedBytes)} in four stores.`,
  )
  outcome(`${sizeText(freedBytes)} freed, nothing left`)
}

/** The demo is a test as well: what it claims, it has checked. */
const require: (condition: boolean, otherwise: string) => asserts condition = (condition, otherwise) => {
  if (!condition) throw new Failure(`The demo failed: ${otherwise}.`)
}
