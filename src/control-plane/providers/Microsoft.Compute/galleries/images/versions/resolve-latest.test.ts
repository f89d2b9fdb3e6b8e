import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { RegionState } from './region-states.ts'
import { resolveLatest } from './resolve-latest.ts'

const west = { name: 'westus2', displayName: 'West US 2' }
const east = { name: 'eastus', displayName: 'East US' }
const done: RegionState = { state: 'Completed', progress: 100, details: '', copies: 1 }

interface Made {
  readonly excluded?: boolean
  readonly westExcluded?: boolean
  readonly west?: RegionState['state']
  readonly state?: ResourceDocument['provisioningState']
}

const version = (name: string, { excluded = false, westExcluded, west: state = 'Completed', ...made }: Made = {}) =>
  ({
    name,
    provisioningState: made.state ?? 'Succeeded',
    hidden: { regions: { eastus: done, westus2: { ...done, state } } },
    properties: {
      publishingProfile: {
        targetRegions: [
          { name: 'East US' },
          { name: 'West US 2', ...(westExcluded === undefined ? {} : { excludeFromLatest: westExcluded }) },
        ],
        excludeFromLatest: excluded,
        endOfLifeDate: '2001-01-01T00:00:00.000Z',
      },
    },
  }) as unknown as ResourceDocument

const latest = (versions: ResourceDocument[], location = west) => resolveLatest(versions, location)?.name

test('the highest number is the latest, whatever the order and the end of life', () => {
  assert.equal(latest([version('1.0.12'), version('1.0.9'), version('0.99.99')]), '1.0.12')
  assert.equal(latest([]), undefined)
})

test('a region counts only versions that it holds', () => {
  const versions = [version('1.0.0'), version('2.0.0', { west: 'Replicating' }), version('3.0.0', { west: 'Failed' })]
  assert.equal(latest(versions), '1.0.0')
  assert.equal(latest(versions, east), '3.0.0')
  assert.equal(latest(versions, { name: 'westeurope', displayName: 'West Europe' }), undefined)
})

test("a region's own flag goes before the version's", () => {
  const versions = [
    version('1.0.0'),
    version('2.0.0', { excluded: true, westExcluded: false }),
    version('3.0.0', { westExcluded: true }),
    version('4.0.0', { excluded: true }),
  ]
  assert.equal(latest(versions), '2.0.0')
  assert.equal(latest(versions, east), '3.0.0')
})

test('a version on its way out is not the latest, one that is being updated is', () => {
  const versions = [version('1.0.0'), version('1.0.1', { state: 'Updating' }), version('2.0.0', { state: 'Deleting' })]
  assert.equal(latest(versions), '1.0.1')
})
