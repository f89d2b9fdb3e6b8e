import type { JsonObject } from '#resources/resource-document.ts'

/** A rule of a network security group that lets everybody in to port 22, as az makes it, unless `more` says otherwise. */
export const securityRule = (name: string, priority = 1000, more: JsonObject = {}) => ({
  name,
  properties: {
    protocol: 'Tcp',
    sourcePortRange: '*',
    destinationPortRange: '22',
    sourceAddressPrefix: '*',
    destinationAddressPrefix: '*',
    access: 'Allow',
    priority,
    direction: 'Inbound',
    ...more,
  },
})
