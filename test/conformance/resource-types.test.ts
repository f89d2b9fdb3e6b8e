import { startTestArm } from '../support/test-arm.ts'
import { driveResourceType, type Sample } from './drive-resource-type.ts'

const GROUP = 'resourceGroups/conformance'

const samples: readonly Sample[] = [
  {
    type: 'Microsoft.Resources/subscriptions/resourceGroups',
    prepare: async () => 'resourceGroups',
    names: ['alpha', 'beta'],
    body: async () => ({ location: 'eastus', tags: { a: 'b' }, properties: {} }),
    tracked: true,
    deleteMissing: 404,
  },
]

for (const sample of samples) driveResourceType(sample, () => startTestArm())
void GROUP
