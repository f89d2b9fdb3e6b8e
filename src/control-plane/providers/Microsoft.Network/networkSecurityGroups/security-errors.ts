import { row } from '#arm/arm-error.ts'

/** Refusals of network security groups and their rules. */
export const securityError = {
  groupInUse: row(
    400,
    'InUseNetworkSecurityGroupCannotBeDeleted',
    'a delete of a security group that network interfaces or subnets use',
    (id: string, users: readonly string[]) =>
      `Network security group ${id} cannot be deleted because it is in use by the following resources: ${users.join(', ')}. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg.`,
  ),
  invalidPriority: row(
    400,
    'SecurityRuleInvalidPriority',
    'a priority beyond 100 to 4096',
    (priority: number) => `Security rule has invalid Priority. Value provided: ${priority}. Allowed range 100-4096.`,
  ),
  conflict: row(
    400,
    'SecurityRuleConflict',
    'two rules of one direction with the same priority',
    (rule: string, other: string) =>
      `Security rule ${rule} conflicts with rule ${other}. Rules cannot have the same Priority and Direction. To learn more, see aka.ms/nsgrules.`,
  ),
  invalidPortRange: row(
    400,
    'SecurityRuleInvalidPortRange',
    'ports that are no number, range or *',
    (value: string) =>
      `Security rule has invalid Port range. Value provided: ${value}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535.`,
  ),
  invalidAddressPrefix: row(
    400,
    'SecurityRuleInvalidAddressPrefix',
    'an address prefix that is no address, CIDR range, service tag or *',
    (value: string) => `Security rule has invalid Address prefix. Value provided: ${value}.`,
  ),
  parameterMissing: row(
    400,
    'SecurityRuleParameterNotSpecified',
    'a rule without ports or addresses on one of its sides',
    (rule: string, one: string, many: string) =>
      `Required security rule parameters are missing for security rule with name ${rule}. Security rule must specify either ${one} or ${many}.`,
  ),
  parameterTwice: row(
    400,
    'SecurityRuleParameterConflict',
    'a rule with both the single and the plural form of ports or addresses',
    (rule: string, one: string, many: string) =>
      `Security rule ${rule} cannot specify both ${one} and ${many}. Use one of them.`,
  ),
  unsupportedInList: row(
    400,
    'SecurityRuleParameterContainsUnsupportedValue',
    '* or a service tag where it can only stand alone',
    (rule: string, parameter: string, value: string) =>
      `Security rule parameter ${parameter} for rule with name ${rule} cannot specify '${value}' beside other values.`,
  ),
}
