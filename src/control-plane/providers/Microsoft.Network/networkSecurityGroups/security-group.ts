import { refuseUnserved } from '#arm/refuse-unserved.ts'
import type { Arm, Plan, ResourceType } from '#arm/resource-type.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { networkApiVersions } from '../api-versions.ts'
import { checkName, isTrue, refusePatchOfMore } from '../checks.ts'
import { forgetGone, type MemberKind, membersOf, memberType, readMembers, shownMember } from '../members.ts'
import { usersOf } from '../notes.ts'
import { checkRules } from './check-rules.ts'
import { defaultRules } from './default-rules.ts'
import { securityError } from './security-errors.ts'
import { groupSchema, ruleSchema } from './security-schema.ts'

const unserved = [
  ['extendedLocation', 'An edge zone'],
  ['properties.flushConnection', 'Ending connections when rules change (flushConnection)', isTrue],
] as const

/** Network security groups: rules of what may reach a machine, with Azure's six default ones behind them. */
export const securityGroupType: ResourceType = {
  type: 'Microsoft.Network/networkSecurityGroups',
  apiVersions: networkApiVersions,
  tracked: true,
  schema: groupSchema,
  bodyName: 'networkSecurityGroup',
  linkedActions: ['join/action'],
  checkName: name => checkName(name),
  async plan(change, arm) {
    const { wanted, existing } = change
    refusePatchOfMore(change)
    refuseUnserved({ ...wanted.envelope, properties: wanted.properties }, unserved)
    const securityRules = readMembers(rules, wanted, existing)
    return planGroup(wanted, existing, securityRules as unknown as Json, arm)
  },
  async planDelete({ document }) {
    const users = usersOf(document)
    if (users.length > 0) throw securityError.groupInUse(document.id, users)
    return {}
  },
  present: async document => ({
    envelope: { ...document.envelope, etag: `W/"${document.etag}"` },
    properties: presentGroup(document),
  }),
}

const planGroup = (
  wanted: ResourceDocument,
  existing: ResourceDocument | undefined,
  securityRules: Json,
  arm: Arm,
): Plan => {
  const resourceGuid = wanted.properties.resourceGuid ?? arm.random.uuid()
  const document = { ...wanted, properties: { ...wanted.properties, securityRules, resourceGuid } }
  checkRules(membersOf(document, 'securityRules'))
  return {
    document,
    async inCommit(transaction, saved) {
      await forgetGone('securityRules', existing, document, arm, transaction)
      return saved
    },
  }
}

const presentGroup = (document: ResourceDocument): JsonObject => {
  const users = usersOf(document)
  const isSubnet = (id: string) => /\/subnets\//i.test(id)
  const subnets = users.filter(isSubnet).map(id => ({ id }))
  const interfaces = users.filter(id => !isSubnet(id)).map(id => ({ id }))
  return {
    ...document.properties,
    securityRules: membersOf(document, 'securityRules').map(rule => shownMember(rules, rule, document)),
    defaultSecurityRules: defaultRules.map(rule => shownMember(defaults, rule, document)),
    ...(interfaces.length > 0 ? { networkInterfaces: interfaces } : {}),
    ...(subnets.length > 0 ? { subnets } : {}),
  }
}

const rules: MemberKind = {
  type: 'Microsoft.Network/networkSecurityGroups/securityRules',
  list: 'securityRules',
  bodyName: 'securityRule',
  schema: ruleSchema,
  planParent: async (wanted, existing, _by, arm) =>
    planGroup(wanted, existing, wanted.properties.securityRules ?? [], arm),
  present: ({ properties }) => ({
    ...properties,
    // Clients of every language expect the lists to be there.
    sourcePortRanges: properties.sourcePortRanges ?? [],
    destinationPortRanges: properties.destinationPortRanges ?? [],
    sourceAddressPrefixes: properties.sourceAddressPrefixes ?? [],
    destinationAddressPrefixes: properties.destinationAddressPrefixes ?? [],
  }),
}

const defaults: MemberKind = { ...rules, type: 'Microsoft.Network/networkSecurityGroups/defaultSecurityRules' }

/** Rules one by one, in the group's own document. */
export const securityRuleType: ResourceType = memberType(rules)
