import type { Arm } from '#arm/resource-type.ts'
import type { AnswerMetadata } from '#data-plane/machines/machines.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { answerIdentityInfo, answerToken } from './answer-identity.ts'
import { attestedDocument } from './attested-document.ts'
import { type DescribedMachine, instanceMetadata } from './instance-metadata.ts'
import { hiddenOf, machineOf, machineType } from './machine-document.ts'
import { describedNics } from './machine-nics.ts'

/** A message with the server's signature, as CMS in DER. */
export type SignMessage = (message: Uint8Array) => Buffer

/** What a guest is told of its machine, by the documents: the instance document, the signed proof of who it is, and tokens of its identities. */
export const metadataOf =
  (arm: Arm, sign: SignMessage, identities: ManagedIdentities): AnswerMetadata =>
  async (vmId, { path, query }) => {
    const machine = await findMachine(vmId, arm)
    if (!machine) return undefined
    const described = describe(machine)
    const json = (body: object, status = 200) => ({
      status,
      contentType: 'application/json',
      body: JSON.stringify(body),
    })
    if (path === '/metadata/instance')
      return json(instanceMetadata(described, await describedNics(machine, arm), query.get('api-version') ?? ''))
    if (path === '/metadata/attested/document') {
      const document = attestedDocument(described, query.get('nonce'), arm.clock.now())
      return json({ encoding: 'pkcs7', signature: sign(Buffer.from(document)).toString('base64') })
    }
    // A machine without an identity is told so: SDKs would ask again and again after a 404.
    if (path === '/metadata/identity/oauth2/token') {
      const { status, body } = await answerToken(machine, query, identities, arm)
      return json(body, status)
    }
    if (path === '/metadata/identity/info') {
      const { status, body } = await answerIdentityInfo(machine, query, arm)
      return json(body, status)
    }
    return undefined
  }

const describe = (machine: ResourceDocument): DescribedMachine => {
  const { userData } = hiddenOf(machine)
  const { id, name, location, tags, properties } = machine
  return {
    id,
    name,
    ...(location === undefined ? {} : { location }),
    ...(tags === undefined ? {} : { tags }),
    properties: properties as unknown as DescribedMachine['properties'],
    ...(userData ? { userData } : {}),
  }
}

const findMachine = async (vmId: string, { resources }: Arm): Promise<ResourceDocument | undefined> => {
  let after: string | undefined
  do {
    const page = await resources.list({ type: machineType, ...(after ? { after } : {}) })
    const found = page.documents.find(machine => machineOf(machine).vmId === vmId)
    if (found) return found
    after = page.next
  } while (after)
  return undefined
}
