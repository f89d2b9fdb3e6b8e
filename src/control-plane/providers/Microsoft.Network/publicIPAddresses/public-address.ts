import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import type { Arm, ResourceType } from '#arm/resource-type.ts'
import type { Ipv4Range } from '#foundation/ipv4.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { networkApiVersions } from '../api-versions.ts'
import { checkName, isFilled, refusePatchOfMore } from '../checks.ts'
import { holderOf, PUBLIC_ADDRESS_TYPE, withAddress } from './give-address.ts'
import { publicAddressError } from './public-address-errors.ts'
import { publicAddressSchema } from './public-address-schema.ts'

const unserved: readonly Unserved[] = [
  ['extendedLocation', 'An edge zone'],
  ['zones', 'An availability zone of a public IP address', isFilled],
  ['sku.name', 'The SKU StandardV2', value => value === 'StandardV2'],
  ['sku.tier', 'A global public IP address', value => value !== 'Regional'],
  ['properties.publicIPAddressVersion', 'A public IPv6 address', value => value !== 'IPv4'],
  ['properties.dnsSettings.domainNameLabel', 'A DNS name of a public IP address'],
  ['properties.dnsSettings.domainNameLabelScope', 'A DNS name of a public IP address'],
  ['properties.dnsSettings.reverseFqdn', 'A DNS name of a public IP address'],
  ['properties.ddosSettings.protectionMode', 'DDoS protection', value => value === 'Enabled'],
  ['properties.ddosSettings.ddosProtectionPlan', 'DDoS protection'],
  ['properties.ddosSettings.ddosCustomPolicy', 'DDoS protection'],
  ['properties.ipTags', 'An IP tag', isFilled],
  ['properties.publicIPPrefix', 'A public IP prefix'],
  ['properties.natGateway', 'A NAT gateway'],
  ['properties.linkedPublicIPAddress', 'A linked public IP address'],
  ['properties.servicePublicIPAddress', 'A service public IP address'],
]

/** Public IP addresses: each is an address of this host, out of the server's range, until it is deleted. */
export const publicAddressType = (range: Ipv4Range): ResourceType => ({
  type: PUBLIC_ADDRESS_TYPE,
  apiVersions: networkApiVersions,
  tracked: true,
  schema: publicAddressSchema,
  bodyName: 'publicIPAddress',
  linkedActions: ['join/action'],
  checkName: name => checkName(name),
  async plan(change, arm) {
    refusePatchOfMore(change)
    const document = completed(change.wanted, arm)
    refuseUnserved({ ...document.envelope, properties: document.properties }, unserved)
    const { publicIPAllocationMethod: method } = document.properties
    if (skuOf(document) === 'Standard' && method !== 'Static')
      throw publicAddressError.standardMustBeStatic(document.id)
    return { document, inCommit: (transaction, saved) => withAddress(saved, range, arm, transaction) }
  },
  async planDelete({ document }) {
    const holder = holderOf(document)
    if (holder !== undefined) throw publicAddressError.stillAllocated(document.id, holder)
    return {}
  },
  async present(document) {
    const holder = holderOf(document)
    return {
      envelope: { ...document.envelope, etag: `W/"${document.etag}"` },
      properties: {
        ...document.properties,
        ipTags: [],
        ...(holder === undefined ? {} : { ipConfiguration: { id: holder } }),
      },
    }
  },
})

const skuOf = ({ envelope }: ResourceDocument) => (envelope.sku as { name?: string } | undefined)?.name

const completed = (document: ResourceDocument, arm: Arm): ResourceDocument => {
  const { properties } = document
  const defaultMethod = skuOf(document) === 'Basic' ? { publicIPAllocationMethod: 'Dynamic' } : {}
  return {
    ...document,
    properties: {
      ...defaultMethod,
      publicIPAddressVersion: 'IPv4',
      idleTimeoutInMinutes: 4,
      ...properties,
      resourceGuid: properties.resourceGuid ?? arm.random.uuid(),
    },
  }
}
