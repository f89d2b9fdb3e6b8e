import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ResourceId } from '#arm/resource-id.ts'
import type { ArmRequest, Change, GraphRow, ResourceOperation } from '#arm/resource-type.ts'
import { silentLog } from '#foundation/log.ts'
import { DocumentChanged } from '#resources/resources.ts'
import { type Neighbour, SUBSCRIPTION } from '../../../../../../test/support/test-arm.ts'
import { planVersion } from '../images/versions/plan-version.ts'
import { retract } from '../images/versions/retract.ts'
import { noise, ofDisk, regions } from '../test-gallery.ts'
import { communityTable } from './community-table.ts'
import { reports, reportVersion, withdrawReports } from './report-version.ts'
import { at, COLLEAGUE, COMMUNITY, FOREIGNER, startTestSharing, type TestSharing } from './test-neighbours.ts'

const open = `${COMMUNITY}/images/open/versions`
let arm: TestSharing
before(async () => {
  arm = await startTestSharing()
  await arm.share(COMMUNITY, 'EnableCommunity')
  await arm.done('PUT', `${open}/2.1.0`, ofDisk(await arm.snapshot('newer', noise(4)), regions('eastus', 'westus2')))
})
after(() => arm.close())

const communityId = (number: string) => `/CommunityGalleries/${arm.publicName}/Images/open/Versions/${number}`
const base = () => `communityGalleries/${arm.publicName}/images/open/versions`
const seen = async () =>
  (await arm.by(FOREIGNER.caller).done('GET', at(FOREIGNER, base()))).value.map(({ name }: { name: string }) => name)
const makeDisk = async (who: Neighbour, name: string, communityGalleryImageId: string) => {
  const path = `${arm.groupOf(who)}/providers/Microsoft.Compute/disks/${name}`
  const creationData = { createOption: 'FromImage', galleryImageReference: { communityGalleryImageId } }
  const { status, body } = await arm.as(who.caller).complete('PUT', path, {
    location: 'eastus',
    properties: { creationData },
  })
  return status < 300 ? body.properties.diskState : `${status} ${body.error.code}: ${body.error.message}`
}
const rows = async (who: Neighbour, subscriptionIds = [who.subscriptionId]) => {
  const request = { caller: who.caller } as ArmRequest
  const found: GraphRow[] = []
  for await (const row of communityTable.rows({ request, subscriptionIds }, arm.arm)) found.push(row)
  return found
}

test('a reported version is neither shown nor used, until the report is taken back', async () => {
  const violation = { category: 'ImageFlaggedUnsafe', details: 'ships a miner' } as const
  const report = await reportVersion(communityId('2.1.0').toLowerCase(), violation, arm.arm)
  assert.deepEqual(report, { id: `${open}/2.1.0`, violations: [violation] })
  assert.deepEqual(await seen(), ['2.0.0'])
  const refused =
    /^403 GalleryImageVersionReported: .*2\.1\.0' is reported for a policy violation \(ImageFlaggedUnsafe: ships a miner\)/
  assert.match(await arm.by(FOREIGNER.caller).refused('GET', at(FOREIGNER, `${base()}/2.1.0`)), refused)
  assert.match(await makeDisk(FOREIGNER, 'refused', communityId('2.1.0')), refused)
  assert.equal(await makeDisk(FOREIGNER, 'latest', communityId('latest')), 'Unattached')
  const { value } = await arm.done('POST', `${COMMUNITY}/listConsumers`)
  assert.deepEqual(
    value.map(({ version }: { version: string }) => version),
    ['2.0.0'],
  )

  // The owner sees why, and can't write it away.
  const safety = async () => (await arm.done('GET', `${open}/2.1.0`)).properties.safetyProfile
  const shown = await safety()
  assert.equal(shown.reportedForPolicyViolation, true)
  assert.deepEqual(shown.policyViolations, [violation])
  const properties = { safetyProfile: { reportedForPolicyViolation: false, policyViolations: [] }, storageProfile: {} }
  await arm.done('PUT', `${open}/2.1.0`, { location: 'eastus', properties })
  await arm.done('PATCH', `${open}/2.1.0`, { tags: { a: 'b' } })
  assert.deepEqual((await safety()).policyViolations, [violation])
  const own = { createOption: 'FromImage', galleryImageReference: { id: `${open}/2.1.0` } }
  const path = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/disks/own`
  assert.match(await arm.refused('PUT', path, { location: 'eastus', properties: { creationData: own } }), /^403 /)

  assert.deepEqual(await reports(arm.arm), [report])
  assert.deepEqual(await withdrawReports(`${open}/2.1.0`, arm.arm), { id: `${open}/2.1.0`, violations: [] })
  assert.deepEqual(await seen(), ['2.0.0', '2.1.0'])
  assert.equal((await safety()).policyViolations, undefined)
  assert.equal(await makeDisk(FOREIGNER, 'free', communityId('2.1.0')), 'Unattached')
  await assert.rejects(reportVersion(communityId('9.9.9'), violation, arm.arm), { code: 'ResourceNotFound' })
  await assert.rejects(reportVersion('nonsense', violation, arm.arm), { status: 400 })
})

test('deletion and restore wash no report off', async () => {
  await arm.done('PATCH', COMMUNITY, { properties: { softDeletePolicy: { isSoftDeleteEnabled: true } } })
  await arm.done('DELETE', `${open}/2.1.0`)
  assert.equal(await makeDisk(FOREIGNER, 'deleted', communityId('2.1.0')), 'Unattached')
  await reportVersion(communityId('2.1.0'), { category: 'Other' }, arm.arm)
  assert.match(await makeDisk(FOREIGNER, 'refused', communityId('2.1.0')), /^403 GalleryImageVersionReported/)
  await arm.done('PUT', `${open}/2.1.0`, { location: 'eastus', properties: { restore: true } })
  assert.match(await makeDisk(FOREIGNER, 'refused', communityId('2.1.0')), /^403 GalleryImageVersionReported/)
  await withdrawReports(communityId('2.1.0'), arm.arm)
})

test('a report that comes while a version is deleted or restored is none too late', async () => {
  const id = `${open}/2.1.0`
  const { resources, transact } = arm.arm
  const document = (await resources.find(id.toLowerCase())) ?? assert.fail()
  const step = <T>(_name: string, work: () => Promise<T>) => work()
  const work = { document, input: { soft: true }, step } as unknown as Parameters<ResourceOperation['run']>[0]
  const deletion = await retract({ regions: arm.regions, log: silentLog }).run(work, arm.arm)
  await reportVersion(id, { category: 'Other' }, arm.arm)
  await transact(async transaction => {
    await deletion.conclude?.(transaction)
    await resources.remove(transaction, document.key)
  })
  const reported = async () => (await reports(arm.arm)).map(one => one.id)
  assert.deepEqual(await reported(), [id])

  await withdrawReports(id, arm.arm)
  const change = {
    verb: 'PUT',
    id: ResourceId.parse(id),
    parent: await resources.find(document.parentKey),
    wanted: document,
    given: { properties: { restore: true } },
  } as unknown as Change
  const { inCommit, document: restored } = await planVersion(change, arm.arm, { blobs: arm.blobs, allowedVhdHosts: [] })
  await reportVersion(id, { category: 'Other' }, arm.arm)
  await assert.rejects(
    transact(async transaction => inCommit?.(transaction, restored)),
    DocumentChanged,
  )
  await withdrawReports(id, arm.arm)
  await arm.done('PUT', id, { location: 'eastus', properties: { restore: true } })
})

test('Resource Graph has rows of what the community has, for each location, and no more than readers see', async () => {
  const all = await rows(FOREIGNER)
  const short = (row: (typeof all)[number]) => `${row.location} ${row.type.split('/').at(-1)} ${row.name}`
  assert.deepEqual(all.map(short), [
    `eastus communityGalleries ${arm.publicName}`,
    'eastus images open',
    'eastus versions 2.0.0',
    'eastus versions 2.1.0',
    `westus2 communityGalleries ${arm.publicName}`,
    'westus2 images open',
    'westus2 versions 2.1.0',
  ])
  assert.deepEqual(all[0]?.properties.identifier, { uniqueId: `/CommunityGalleries/${arm.publicName}` })
  const text = JSON.stringify(all)
  for (const secret of [SUBSCRIPTION, 'secret', 'resourceGroups']) assert.ok(!text.includes(secret), secret)
  assert.deepEqual(await rows(FOREIGNER, [COLLEAGUE.subscriptionId]), [])
  assert.deepEqual(await rows(FOREIGNER, []), [])
  await arm.share(COMMUNITY, 'Reset')
  assert.deepEqual(await rows(FOREIGNER), [])
})
