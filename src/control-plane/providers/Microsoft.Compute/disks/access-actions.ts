import { Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { Action, Call } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { diskOf } from '../stored-disk.ts'
import { type Access, accessOf, diskStateOf, grantName, hiddenOf, nounOf, propertiesOf } from './disk-document.ts'
import { diskError } from './disk-errors.ts'

/** Azure ends signed URLs of disks after 60 days at most, since February 2025. */
const maxDurationSeconds = 60 * 24 * 60 * 60

interface GrantRequest {
  readonly access: 'None' | 'Read' | 'Write'
  readonly durationInSeconds: number
  readonly getSecureVMGuestStateSAS?: boolean
  readonly fileFormat?: 'VHD' | 'VHDX'
}

/** Gives out a signed URL: of the bytes as a fixed VHD, or for the upload that the disk waits for. A new one replaces the last. */
export const beginGetAccess: Action = {
  permission: 'beginGetAccess/action',
  body: Type.Object({
    access: Type.Enum(['None', 'Read', 'Write']),
    durationInSeconds: Type.Integer({ minimum: 1, maximum: maxDurationSeconds }),
    getSecureVMGuestStateSAS: Type.Optional(Type.Boolean()),
    fileFormat: Type.Optional(Type.Enum(['VHD', 'VHDX'])),
  }),
  async run({ document, body }: Call, arm) {
    const asked = body as unknown as GrantRequest
    if (asked.getSecureVMGuestStateSAS)
      throw armError.notServed('A signed URL for the guest state of a confidential VM')
    if (asked.fileFormat === 'VHDX') throw armError.notServed('The export of a disk as VHDX')
    const { access: level } = asked
    if (level === 'None') throw armError.invalidValue('access', 'None', 'Allowed values are: Read, Write.')
    const now = arm.clock.now()
    checkGrant(document, level, now)
    const expires = new Date(now.getTime() + asked.durationInSeconds * 1000).toISOString()
    const access: Access = { grant: grantName(document), level, expires }
    return { work: { kind: 'grant disk access', input: { ...access } } }
  },
}

const checkGrant = (document: ResourceDocument, level: Access['level'], now: Date): void => {
  const { networkAccessPolicy, publicNetworkAccess } = propertiesOf(document)
  if (networkAccessPolicy === 'DenyAll') throw diskError.exportDenied(document.name, "networkAccessPolicy is 'DenyAll'")
  if (publicNetworkAccess === 'Disabled')
    throw diskError.exportDenied(document.name, "publicNetworkAccess is 'Disabled'")
  if (document.provisioningState === 'Creating' || document.provisioningState === 'Updating')
    throw armError.operationInProgress('BeginGetAccess', document.name)
  if (document.provisioningState === 'Deleting') throw armError.markedForDeletion('BeginGetAccess', document.name)
  requireAtRest(document)
  const isUpload = Boolean(hiddenOf(document).upload)
  if (level === 'Write' && !isUpload) throw diskError.notWritable(document.name, diskStateOf(document, now))
  if (level === 'Read' && (isUpload || !diskOf(document)))
    throw diskError.notReadable(document.name, isUpload ? diskStateOf(document, now) : document.provisioningState)
}

/** Takes the signed URL back; after a write it checks the VHD and turns it into the disk. Without a URL there is nothing to do. */
export const endGetAccess: Action = {
  permission: 'endGetAccess/action',
  async run({ document }, arm) {
    const { access, upload } = hiddenOf(document)
    if (!access && !upload?.started) return { status: 200 }
    return { work: { kind: 'end disk access', input: { pass: arm.random.uuid() } } }
  },
}

/** Throws while the disk's machine is allocated: its bytes are on the machine's host then. */
export const requireAtRest = (document: ResourceDocument): void => {
  const { attachment, overlay } = hiddenOf(document)
  if (overlay === 'written') throw diskError.inUse(document.name, attachment?.machine ?? '')
}

/** Throws while the disk is a machine's. */
export const requireUnattached = (document: ResourceDocument): void => {
  const { attachment } = hiddenOf(document)
  if (attachment) throw diskError.attached(document.name, attachment.machine)
}

/** Throws while a signed URL is out. */
export const requireNoAccess = (document: ResourceDocument, now: Date): void => {
  if (accessOf(document, now)) throw diskError.activeAccess(nounOf(document), document.name)
}
