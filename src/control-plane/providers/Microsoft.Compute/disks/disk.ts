import type { ResourceType } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskSchema } from '../disk-schema.ts'
import { preflightImage } from '../preflight-image.ts'
import { beginGetAccess, endGetAccess, requireNoAccess, requireUnattached } from './access-actions.ts'
import { diskStateOf } from './disk-document.ts'
import { diskError } from './disk-errors.ts'
import { planDisk } from './plan-disk.ts'

export const diskApiVersions = [
  '2025-01-02',
  '2024-03-02',
  '2023-10-02',
  '2023-04-02',
  '2023-01-02',
  '2022-07-02',
  '2022-03-02',
  '2021-12-01',
  '2021-04-01',
  '2020-12-01',
  '2020-06-30',
  '2019-07-01',
]

const createOptions = ['Empty', 'Upload', 'Import', 'Copy', 'FromImage']

export const diskType = (parts: ComputeParts): ResourceType => ({
  type: 'Microsoft.Compute/disks',
  apiVersions: diskApiVersions,
  tracked: true,
  schema: diskSchema,
  bodyName: 'disk',
  operationsType: 'Microsoft.Compute/locations/diskOperations',
  checkName: name => checkDiskName(name, 'disk'),
  plan: (change, arm) => planDisk(change, arm, parts, createOptions),
  preflight: preflightImage(['properties', 'creationData', 'galleryImageReference']),
  ...diskBehaviour,
})

/** What disks and snapshots share beside their rules. */
export const diskBehaviour: Pick<ResourceType, 'planDelete' | 'actions' | 'present'> = {
  async planDelete({ document }, arm) {
    requireUnattached(document)
    requireNoAccess(document, arm.clock.now())
    return { work: { kind: 'delete disk', input: {} } }
  },
  actions: { beginGetAccess, endGetAccess },
  async present(document, _view, arm) {
    return { properties: { ...document.properties, diskState: diskStateOf(document, arm.clock.now()) } }
  },
}

// learn.microsoft.com, naming rules of Microsoft.Compute: 1 to 80 characters, the first alphanumeric, the last that or '_'.
const nameForm = /^[a-z0-9]([\w.-]{0,78}\w)?$/i

export const checkDiskName = (name: string, noun: string): void => {
  if (!nameForm.test(name)) throw diskError.nameInvalid(name, noun)
}
