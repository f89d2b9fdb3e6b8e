import type { Arm } from '#arm/resource-type.ts'
import type { AnswerMetadata } from '#data-plane/machines/machines.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { answerIdentityInfo, answerToken } from './answer-identity.ts'
import { attestedDocument } from './attested-document.ts'
import { type DescribedMachine, instanceMetadata } from './instance-metadata.ts'
import { hiddenOf, machineOf, machineType } from './machine-document.ts'
import { describedNics } from './machine-nics.ts'

/** A message with the server's signature, as CMS in DER. */
export type SignMessage = (message: Uint8Array) => Buffer

/** What a guest is told of its machine, by the documents: the instance document, the signed proof of who it is, and tokens of its identities. */
export const metadataOf = (arm: Arm, sign: SignMessage, identities: ManagedIdentities): AnswerMetadata => {
  const findMachine = machinesByVmId(arm)
  return async (vmId, { path, query }) => {
    const machine = await findMachine(vmId)
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

/** Finds machines by what names them on their host. All of them are looked at only for one that is not where it was, or is new. */
const machinesByVmId = ({ resources }: Pick<Arm, 'resources'>) => {
  let keys: ReadonlyMap<string, string> = new Map()
  return async (vmId: string): Promise<ResourceDocument | undefined> => {
    const key = keys.get(vmId)
    const known = key === undefined ? undefined : await resources.find(key)
    if (known && machineOf(known).vmId === vmId) return known
    const machines = await listAll(resources, { type: machineType })
    keys = new Map(machines.map(machine => [machineOf(machine).vmId, machine.key]))
    return machines.find(machine => machineOf(machine).vmId === vmId)
  }
}
