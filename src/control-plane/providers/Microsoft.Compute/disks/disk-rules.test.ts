import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ArmError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import { OWNER, startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'
import { bytesOfGB, grownSize, sizeInGB } from '../disk-size.ts'
import { findSource } from '../source-bytes.ts'
import { baselineTier } from './performance-tier.ts'

const group = 'resourceGroups/rg'
const compute = `${group}/providers/Microsoft.Compute`

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus'] })
  await arm.send('PUT', group, { location: 'eastus' })
})
after(() => arm.close())

const empty = { creationData: { createOption: 'Empty' }, diskSizeGB: 1 }
const upload = (uploadSizeBytes: number) => ({ creationData: { createOption: 'Upload', uploadSizeBytes } })

describe('sizes', () => {
  test('GB are whole GiB, at least one, and a little over rounds down', () => {
    const table = [
      [20 * 2 ** 20, 1],
      [2 ** 30, 1],
      [136_367_308_800, 127],
      [32_213_303_296, 30],
      [2 ** 31, 2],
    ] as const
    for (const [sizeBytes, sizeGB] of table) assert.equal(sizeInGB(sizeBytes), sizeGB)
    assert.equal(grownSize(undefined, 5), 5)
    assert.equal(grownSize(1, 20 * 2 ** 20), 2 ** 30)
    assert.equal(grownSize(127, 136_367_308_800), 136_367_308_800)
    assert.equal(grownSize(128, 136_367_308_800), bytesOfGB(128))
    assert.equal(grownSize(126, 136_367_308_800), undefined)
  })

  test('premium disks have the tier of their size, others none', () => {
    const table = [
      ['Premium_LRS', 1, 'P1'],
      ['Premium_LRS', 5, 'P2'],
      ['Premium_ZRS', 128, 'P10'],
      ['Premium_LRS', 129, 'P15'],
      ['Premium_LRS', 32_767, 'P80'],
      ['Standard_LRS', 128, undefined],
    ] as const
    for (const [sku, sizeGB, tier] of table) assert.equal(baselineTier(sku, sizeGB), tier)
  })
})

describe('a disk or snapshot is refused', () => {
  const refusals: readonly (readonly [what: string, properties: object, message: RegExp, more?: object])[] = [
    ['without creationData', {}, /creationData' is missing/],
    ['empty without size', { creationData: { createOption: 'Empty' } }, /diskSizeGB' is missing/],
    ['too small', { ...empty, diskSizeGB: 0 }, /between 1 and 32767/],
    ['too large', { ...empty, diskSizeGB: 32_768 }, /between 1 and 32767/],
    ['with an unknown option', { creationData: { createOption: 'Magic' } }, /createOption/],
    ['restored', { creationData: { createOption: 'Restore' } }, /'Restore' is not available/],
    ['by CopyStart', { creationData: { createOption: 'CopyStart' } }, /'CopyStart' is not available/],
    ['upload below 20 MiB', upload(20_971_520), /between 20972032 and/],
    ['upload without footer', upload(2 ** 26), /multiple of 1048576 plus 512/],
    ['upload without size', { creationData: { createOption: 'Upload' } }, /uploadSizeBytes' is missing/],
    ['upload of another size', { ...upload(2 ** 31 + 512), diskSizeGB: 5 }, /does not match/],
    ['ultra', empty, /UltraSSD_LRS is not available/, { sku: { name: 'UltraSSD_LRS' } }],
    ['in a zone', empty, /availability zone/, { zones: ['1'] }],
    ['at the edge', empty, /edge zone/, { extendedLocation: { name: 'lab', type: 'EdgeZone' } }],
    ['with a key', { ...empty, encryption: { type: 'EncryptionAtRestWithCustomerKey' } }, /customer-managed keys/],
    ['private', { ...empty, networkAccessPolicy: 'AllowPrivate' }, /AllowPrivate/],
    ['shared', { ...empty, maxShares: 2 }, /shared disk/],
    ['bursting', { ...empty, burstingEnabled: true }, /bursting/],
    ['with IOPS', { ...empty, diskIOPSReadWrite: 500 }, /diskIOPSReadWrite/],
    ['with a tier above its size', { ...empty, tier: 'P30' }, /performance tier/, { sku: { name: 'Premium_LRS' } }],
    ['with a tier on standard storage', { ...empty, tier: 'P1' }, /have no tier/],
    ['Trusted Launch on V1', { ...empty, securityProfile: { securityType: 'TrustedLaunch' } }, /hyperVGeneration 'V2'/],
    [
      'confidential',
      { ...empty, securityProfile: { securityType: 'ConfidentialVM_NonPersistedTPM' } },
      /confidential/i,
    ],
    ['with an unknown member', { ...empty, colour: 'red' }, /Could not find member 'colour'/],
    ['without location', empty, /location property is required/, { location: undefined }],
  ]
  for (const [what, properties, message, more] of refusals)
    test(what, async () => {
      const body = { location: 'eastus', ...more, properties } as never
      const { status, body: answer } = await arm.send('PUT', `${compute}/disks/refused`, body)
      assert.ok(status >= 400 && status < 500)
      assert.match(answer.error.message, message)
    })

  test('a snapshot from an image, or incremental on premium storage', async () => {
    for (const [properties, sku, message] of [
      [{ creationData: { createOption: 'FromImage' } }, 'Standard_LRS', /'FromImage' is not available/],
      [{ ...empty, incremental: true }, 'Premium_LRS', /not supported for incremental/],
    ] as const) {
      const body = { location: 'eastus', sku: { name: sku }, properties }
      assert.match((await arm.send('PUT', `${compute}/snapshots/s`, body)).body.error.message, message)
    }
  })

  test('names', async () => {
    for (const name of ['-a', 'a.', 'a b', 'ä', 'x'.repeat(81)]) {
      const path = `${compute}/disks/${encodeURIComponent(name)}`
      const { status } = await arm.send('PUT', path, { location: 'eastus', properties: empty })
      assert.equal(status, 400, name)
    }
  })
})

describe('a disk', () => {
  test('takes what means nothing here only where it promises nothing', async () => {
    const made = await arm.complete('PUT', `${compute}/disks/plain`, {
      location: 'eastus',
      tags: { a: 'b' },
      sku: { name: 'standardssd_zrs' },
      zones: [],
      properties: {
        ...empty,
        osType: 'windows',
        hyperVGeneration: 'v2',
        maxShares: 1,
        burstingEnabled: false,
        encryption: { type: 'encryptionatrestwithplatformkey', diskEncryptionSetId: null },
        securityProfile: { securityType: 'trustedlaunch' },
        supportedCapabilities: { architecture: 'arm64', acceleratedNetwork: true },
        purchasePlan: { name: 'n', publisher: 'p', product: 'q' },
      },
    })
    assert.equal(made.status, 200, JSON.stringify(made.body))
    const { sku, properties } = made.body
    assert.deepEqual(sku, { name: 'StandardSSD_ZRS', tier: 'Standard' })
    assert.equal(properties.securityProfile.securityType, 'TrustedLaunch')
    assert.equal(properties.supportedCapabilities.architecture, 'Arm64')
    assert.equal(properties.tier, undefined)
  })

  test('keeps what a PUT leaves out, and refuses another origin', async () => {
    const path = `${compute}/disks/plain`
    const before = (await arm.send('GET', path)).body.properties
    const again = await arm.complete('PUT', path, { location: 'eastus', properties: {} })
    assert.deepEqual(again.body.properties, before)
    for (const properties of [
      { creationData: { createOption: 'Upload' } },
      { hyperVGeneration: 'V1' },
      { securityProfile: { securityType: 'ConfidentialVM_NonPersistedTPM' } },
    ]) {
      const refused = await arm.send('PUT', path, { location: 'eastus', properties })
      assert.equal(refused.body.error.code, 'PropertyChangeNotAllowed')
    }
    const changed = await arm.complete('PATCH', path, { sku: { name: 'Premium_LRS' }, properties: { osType: 'Linux' } })
    assert.equal(changed.body.properties.tier, 'P1')
    assert.equal(changed.body.properties.osType, 'Linux')
    const back = await arm.complete('PATCH', path, { sku: { name: 'Standard_LRS' } })
    assert.equal(back.body.properties.tier, undefined)
  })

  test('a snapshot for upload may give its size in GB alone', async () => {
    const made = await arm.complete('PUT', `${compute}/snapshots/up`, {
      location: 'eastus',
      properties: { creationData: { createOption: 'Upload' }, diskSizeGB: 1 },
    })
    assert.equal(made.body.properties.creationData.uploadSizeBytes, 2 ** 30 + 512)
    assert.equal(made.body.properties.diskState, 'ReadyToUpload')
  })
})

test('bytes of others need a right to them, asked before anything is said of them', async () => {
  const asked: string[] = []
  const scope = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute'
  const without = {
    resources: { find: () => assert.fail('It was looked up first.') },
    tenantOf: () => undefined,
    mayDo: async (_caller: unknown, action: string) => {
      asked.push(action)
      return false
    },
  } as unknown as Arm
  const change = (target: string) =>
    ({ id: ResourceId.parse(`${scope}/${target}`), request: { caller: OWNER } }) as unknown as Change
  const version = 'galleries/g/images/d/versions/1.0.0'
  for (const [target, source] of [
    ['snapshots/t', 'disks/d'],
    [version, 'snapshots/s'],
    [version, 'images/i'],
    ['disks/t', version],
  ] as const)
    await assert.rejects(
      findSource(without, `${scope}/${source}`, ['disk', 'snapshot', 'image', 'version'], change(target)),
      (error: ArmError) => error instanceof ArmError && error.code === 'LinkedAuthorizationFailed',
    )
  assert.deepEqual(asked, [
    'Microsoft.Compute/disks/beginGetAccess/action',
    'Microsoft.Compute/snapshots/write',
    'Microsoft.Compute/images/read',
    'Microsoft.Compute/galleries/images/versions/read',
  ])
  assert.equal(await findSource(without, `${scope}/disks/d`, ['image'], change('disks/t')), undefined)
})
