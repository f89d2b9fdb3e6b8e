import type { ResourceType } from '#arm/resource-type.ts'
import type { Ipv4Range } from '#foundation/ipv4.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { networkApiVersions } from '../api-versions.ts'
import { checkName } from '../checks.ts'
import { effectiveSecurityGroups } from './effective-security-groups.ts'
import { interfaceError } from './interface-errors.ts'
import { configurationOf, interfaceSchema, machineOf } from './interface-schema.ts'
import { join } from './join.ts'
import { configurationId, leaveResources } from './join-resources.ts'
import { planInterface } from './plan-interface.ts'

/** Network interfaces: a private address of a subnet, a public one if wanted, for a machine that takes it. */
export const networkInterfaceType = (range: Ipv4Range): ResourceType => ({
  type: 'Microsoft.Network/networkInterfaces',
  apiVersions: networkApiVersions,
  tracked: true,
  schema: interfaceSchema,
  bodyName: 'networkInterface',
  checkName: name => checkName(name),
  plan: (change, arm) => planInterface(change, arm, range),
  async planDelete({ document }, arm) {
    const machine = machineOf(document)
    if (machine !== undefined) throw interfaceError.inUse(document.id, machine)
    return { inCommit: transaction => leaveResources(document, { transaction, arm, range }) }
  },
  actions: { join, effectiveNetworkSecurityGroups: effectiveSecurityGroups },
  present: async document => ({
    envelope: { ...document.envelope, etag: `W/"${document.etag}"`, kind: 'Regular' },
    properties: presentInterface(document),
  }),
})

const presentInterface = (document: ResourceDocument): JsonObject => {
  const { name, properties } = configurationOf(document)
  return {
    ...document.properties,
    ipConfigurations: [
      {
        name,
        id: configurationId(document),
        etag: `W/"${document.etag}"`,
        type: 'Microsoft.Network/networkInterfaces/ipConfigurations',
        properties: { provisioningState: document.provisioningState, ...(properties as unknown as JsonObject) },
      },
    ],
    dnsSettings: { dnsServers: [], appliedDnsServers: [] },
    hostedWorkloads: [],
    tapConfigurations: [],
    vnetEncryptionSupported: false,
  }
}
