import { driveResourceType, type Sample } from '../../../../../test/conformance/drive-resource-type.ts'
import { startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'
import { definition } from './test-gallery.ts'

const GROUP = 'resourceGroups/promises'
const COMPUTE = `${GROUP}/providers/Microsoft.Compute`

const inGallery = async (arm: TestArm): Promise<string> => {
  await arm.complete('PUT', GROUP, { location: 'eastus' })
  await arm.complete('PUT', `${COMPUTE}/galleries/g`, { location: 'eastus' })
  return `${COMPUTE}/galleries/g/images`
}

/** Counts the definitions: publisher, offer and sku name one of a gallery each. */
let count = 0

const samples: readonly Sample[] = [
  {
    type: 'Microsoft.Compute/galleries',
    async prepare(arm) {
      await arm.complete('PUT', GROUP, { location: 'eastus' })
      return `${COMPUTE}/galleries`
    },
    names: ['alpha', 'beta'],
    body: async () => ({ location: 'eastus', tags: { a: 'b' }, properties: { description: 'd' } }),
    tracked: true,
  },
  {
    type: 'Microsoft.Compute/galleries/images',
    prepare: inGallery,
    names: ['alpha', 'beta'],
    body: async () => {
      count++
      return {
        ...definition({ identifier: { publisher: 'p', offer: 'o', sku: `s${count}` } }),
        tags: { a: 'b' },
      } as never
    },
    tracked: true,
  },
  {
    type: 'Microsoft.Compute/galleries/images/versions',
    async prepare(arm) {
      const images = await inGallery(arm)
      await arm.complete('PUT', `${images}/i`, definition() as never)
      const disk = { creationData: { createOption: 'Empty' }, diskSizeGB: 1 }
      await arm.complete('PUT', `${COMPUTE}/disks/source`, { location: 'eastus', properties: disk })
      return `${images}/i/versions`
    },
    names: ['1.0.9', '1.0.10'],
    async body(arm) {
      const { body } = await arm.send('GET', `${COMPUTE}/disks/source`)
      const storageProfile = { osDiskImage: { source: { id: body.id } } }
      return { location: 'eastus', tags: { a: 'b' }, properties: { storageProfile } }
    },
    tracked: true,
  },
]

for (const sample of samples) driveResourceType(sample, () => startTestArm())
