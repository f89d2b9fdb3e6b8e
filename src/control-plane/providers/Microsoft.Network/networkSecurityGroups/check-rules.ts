import { armError } from '#arm/arm-error.ts'
import { refuseUnserved } from '#arm/refuse-unserved.ts'
import { ipv4Number, parseIpv4Range } from '#foundation/ipv4.ts'
import { isFilled } from '../checks.ts'
import type { Member } from '../members.ts'
import { securityError } from './security-errors.ts'
import type { RuleProperties } from './security-schema.ts'

/** The service tags whose addresses are known here: they follow from the virtual network. */
export const KNOWN_TAGS = ['VirtualNetwork', 'AzureLoadBalancer', 'Internet'] as const

const SIDES = [
  ['sourcePortRange', 'sourcePortRanges'],
  ['destinationPortRange', 'destinationPortRanges'],
  ['sourceAddressPrefix', 'sourceAddressPrefixes'],
  ['destinationAddressPrefix', 'destinationAddressPrefixes'],
] as const

/** Throws Azure's refusals of rules that are wrong, each for itself or together. */
export const checkRules = (rules: readonly Member[]): void => {
  for (const rule of rules) checkRule(rule)
  const taken = new Map<string, string>()
  for (const rule of rules) {
    const { direction, priority } = propertiesOf(rule)
    const other = taken.get(`${direction} ${priority}`)
    if (other !== undefined) throw securityError.conflict(rule.name, other)
    taken.set(`${direction} ${priority}`, rule.name)
  }
}

export const propertiesOf = (rule: Member): RuleProperties => rule.properties as unknown as RuleProperties

/** Values of a side of a rule, in whichever form they were given: `sourcePortRange` or `sourcePortRanges`. */
export const valuesOf = (rule: RuleProperties, one: (typeof SIDES)[number][0]): readonly string[] => {
  const single = rule[one]
  const many = rule[SIDES.find(([known]) => known === one)?.[1] ?? 'sourcePortRanges']
  return single === undefined ? (many ?? []) : [single]
}

const unservedOfRule = [
  ['sourceApplicationSecurityGroups', 'An application security group', isFilled],
  ['destinationApplicationSecurityGroups', 'An application security group', isFilled],
] as const

const checkRule = (rule: Member): void => {
  const properties = propertiesOf(rule)
  refuseUnserved(rule.properties, unservedOfRule)
  const { priority } = properties
  if (priority < 100 || priority > 4096) throw securityError.invalidPriority(priority)
  for (const [one, many] of SIDES) {
    const list = properties[many] ?? []
    if (properties[one] !== undefined && list.length > 0) throw securityError.parameterTwice(rule.name, one, many)
    if (properties[one] === undefined && list.length === 0) throw securityError.parameterMissing(rule.name, one, many)
    const check = one.endsWith('PortRange') ? checkPorts : checkAddresses
    for (const value of valuesOf(properties, one)) check(value)
    const alone = list.length > 1 ? list.find(value => value === '*') : undefined
    if (alone !== undefined) throw securityError.unsupportedInList(rule.name, many, alone)
  }
}

const checkPorts = (value: string): void => {
  if (value === '*') return
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value) ?? []
  if (from === '' || Number(from) > Number(to) || Number(to) > 65535) throw securityError.invalidPortRange(value)
}

const checkAddresses = (value: string): void => {
  if (value === '*' || isServiceTag(value)) return
  if (ipv4Number(value) !== undefined || parseIpv4Range(value) !== undefined) return
  if (/^[0-9a-f:]*:[0-9a-f:]+(\/\d{1,3})?$/i.test(value)) throw armError.notServed('An IPv6 address in a security rule')
  if (/^[A-Za-z][\w.]*$/.test(value)) throw armError.notServed(`The service tag '${value.slice(0, 100)}'`)
  throw securityError.invalidAddressPrefix(value)
}

const isServiceTag = (value: string): boolean => KNOWN_TAGS.some(tag => tag.toLowerCase() === value.toLowerCase())
