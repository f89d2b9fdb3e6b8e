import { ResourceId } from '#arm/resource-id.ts'
import type { Action, Arm } from '#arm/resource-type.ts'
import { type Ipv4Range, parseIpv4Range, rangeText, without } from '#foundation/ipv4.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { idIn } from '../checks.ts'
import { type Member, membersOf } from '../members.ts'
import { KNOWN_TAGS, propertiesOf, valuesOf } from '../networkSecurityGroups/check-rules.ts'
import { defaultRules } from '../networkSecurityGroups/default-rules.ts'
import type { RuleProperties } from '../networkSecurityGroups/security-schema.ts'
import { prefixesOf } from '../virtualNetworks/address-space.ts'
import { groupOf } from '../virtualNetworks/plan-network.ts'
import { configurationOf } from './interface-schema.ts'

/** Which rules hold for a network interface: those of its own group and of its subnet's, with every tag as addresses. */
export const effectiveSecurityGroups: Action = {
  permission: 'effectiveNetworkSecurityGroups/action',
  async run({ document }, arm) {
    const subnet = ResourceId.parse(configurationOf(document).properties.subnet.id) as ResourceId
    const network = (await arm.resources.find(subnet.parent.key)) as ResourceDocument
    const tags = tagMap(network)
    const applied = [
      { group: idIn(document.properties.networkSecurityGroup), association: { networkInterface: { id: document.id } } },
      { group: groupOf(network, subnet.name), association: { subnet: { id: subnet.toString() } } },
    ]
    const value: Json[] = []
    for (const { group, association } of applied)
      if (group !== undefined) value.push(await effective(group, association, tags, arm))
    return { status: 200, body: { value } }
  },
}

type Tags = ReadonlyMap<string, readonly string[]>

const effective = async (id: string, association: JsonObject, tags: Tags, arm: Arm): Promise<JsonObject> => {
  const group = (await arm.resources.find(id.toLowerCase())) as ResourceDocument
  const named = (rules: readonly Member[], list: string) =>
    rules.map(rule => effectiveRule(`${list}/${rule.name}`, propertiesOf(rule), tags))
  const rules = [
    ...named(membersOf(group, 'securityRules'), 'securityRules'),
    ...named(defaultRules, 'defaultSecurityRules'),
  ]
  return {
    networkSecurityGroup: { id: group.id },
    association,
    effectiveSecurityRules: rules.toSorted(inOrder),
    tagMap: Object.fromEntries(tags),
  }
}

type EffectiveRule = ReturnType<typeof effectiveRule>

const inOrder = (a: EffectiveRule, b: EffectiveRule) =>
  a.direction === b.direction ? a.priority - b.priority : a.direction < b.direction ? -1 : 1

const effectiveRule = (name: string, rule: RuleProperties, tags: Tags) => {
  const sourcePorts = valuesOf(rule, 'sourcePortRange').map(asRange)
  const destinationPorts = valuesOf(rule, 'destinationPortRange').map(asRange)
  const sources = valuesOf(rule, 'sourceAddressPrefix').map(asPrefix)
  const destinations = valuesOf(rule, 'destinationAddressPrefix').map(asPrefix)
  return {
    name,
    protocol: rule.protocol === '*' ? 'All' : rule.protocol,
    ...first('sourcePortRange', sourcePorts),
    sourcePortRanges: sourcePorts,
    ...first('destinationPortRange', destinationPorts),
    destinationPortRanges: destinationPorts,
    ...first('sourceAddressPrefix', sources),
    sourceAddressPrefixes: sources,
    ...first('destinationAddressPrefix', destinations),
    destinationAddressPrefixes: destinations,
    expandedSourceAddressPrefix: expanded(sources, tags),
    expandedDestinationAddressPrefix: expanded(destinations, tags),
    access: rule.access,
    priority: rule.priority,
    direction: rule.direction,
  }
}

/** The singular member is there where there is but one value, as in Azure. */
const first = (member: string, values: readonly string[]): JsonObject =>
  values.length === 1 ? { [member]: values[0] } : {}

const asRange = (ports: string): string =>
  ports === '*' ? '0-65535' : ports.includes('-') ? ports : `${ports}-${ports}`
const asPrefix = (prefix: string): string => {
  if (prefix === '*') return '0.0.0.0/0'
  return /^[\d.]+$/.test(prefix) ? `${prefix}/32` : prefix
}

const expanded = (prefixes: readonly string[], tags: Tags): string[] =>
  prefixes.flatMap(prefix => tags.get(TAG_NAMES.get(prefix.toLowerCase()) ?? '') ?? [prefix])

const TAG_NAMES = new Map<string, string>(KNOWN_TAGS.map(tag => [tag.toLowerCase(), tag]))

/** The platform's own address, from which Azure's load balancers ask whether a machine is well. */
const PLATFORM = '168.63.129.16/32'

const tagMap = (network: ResourceDocument): Tags => {
  const own = [...prefixesOf(network), PLATFORM]
  const ranges = own.map(prefix => parseIpv4Range(prefix) as Ipv4Range)
  const everywhere = parseIpv4Range('0.0.0.0/0') as Ipv4Range
  return new Map([
    ['VirtualNetwork', own],
    ['AzureLoadBalancer', [PLATFORM]],
    ['Internet', without(everywhere, ranges).map(rangeText)],
  ])
}
