import { Type } from 'typebox'
import { envelope, nested, shown, unserved } from '../schema-parts.ts'

const text = () => Type.Optional(Type.String({ maxLength: 200, emptyIsAbsent: true }))
const texts = () => Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 4000 }))

const ruleProperties = Type.Object({
  description: Type.Optional(Type.String({ maxLength: 140 })),
  protocol: Type.Enum(['Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*']),
  sourcePortRange: text(),
  sourcePortRanges: texts(),
  destinationPortRange: text(),
  destinationPortRanges: texts(),
  sourceAddressPrefix: text(),
  sourceAddressPrefixes: texts(),
  destinationAddressPrefix: text(),
  destinationAddressPrefixes: texts(),
  sourceApplicationSecurityGroups: unserved(),
  destinationApplicationSecurityGroups: unserved(),
  access: Type.Enum(['Allow', 'Deny']),
  priority: Type.Integer(),
  direction: Type.Enum(['Inbound', 'Outbound']),
  provisioningState: shown(),
})

/** A rule that is written by itself. */
export const ruleSchema = Type.Object({ properties: ruleProperties })

/** A security group with its rules. */
export const groupSchema = Type.Object({
  ...envelope,
  properties: Type.Optional(
    Type.Object({
      securityRules: Type.Optional(
        Type.Array(Type.Object({ ...nested, properties: ruleProperties }), { maxItems: 1000, default: [] }),
      ),
      flushConnection: unserved(),
      defaultSecurityRules: shown(),
      networkInterfaces: shown(),
      subnets: shown(),
      flowLogs: shown(),
      resourceGuid: Type.Optional(Type.String({ readOnly: true })),
      provisioningState: shown(),
    }),
  ),
})

/** A rule's properties as they are stored. */
export interface RuleProperties {
  readonly protocol: 'Tcp' | 'Udp' | 'Icmp' | 'Esp' | 'Ah' | '*'
  readonly access: 'Allow' | 'Deny'
  readonly priority: number
  readonly direction: 'Inbound' | 'Outbound'
  readonly sourcePortRange?: string
  readonly sourcePortRanges?: readonly string[]
  readonly destinationPortRange?: string
  readonly destinationPortRanges?: readonly string[]
  readonly sourceAddressPrefix?: string
  readonly sourceAddressPrefixes?: readonly string[]
  readonly destinationAddressPrefix?: string
  readonly destinationAddressPrefixes?: readonly string[]
}
