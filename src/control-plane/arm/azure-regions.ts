/** Azure's public regions: short name, display name, geography. What `--region` may name without saying more. */
const rows = `
eastus|East US|US
eastus2|East US 2|US
westus|West US|US
westus2|West US 2|US
westus3|West US 3|US
centralus|Central US|US
northcentralus|North Central US|US
southcentralus|South Central US|US
westcentralus|West Central US|US
canadacentral|Canada Central|Canada
canadaeast|Canada East|Canada
mexicocentral|Mexico Central|Mexico
brazilsouth|Brazil South|South America
brazilsoutheast|Brazil Southeast|South America
chilecentral|Chile Central|South America
northeurope|North Europe|Europe
westeurope|West Europe|Europe
uksouth|UK South|Europe
ukwest|UK West|Europe
francecentral|France Central|Europe
francesouth|France South|Europe
germanywestcentral|Germany West Central|Europe
germanynorth|Germany North|Europe
switzerlandnorth|Switzerland North|Europe
switzerlandwest|Switzerland West|Europe
norwayeast|Norway East|Europe
norwaywest|Norway West|Europe
swedencentral|Sweden Central|Europe
swedensouth|Sweden South|Europe
polandcentral|Poland Central|Europe
italynorth|Italy North|Europe
spaincentral|Spain Central|Europe
austriaeast|Austria East|Europe
belgiumcentral|Belgium Central|Europe
denmarkeast|Denmark East|Europe
israelcentral|Israel Central|Middle East
qatarcentral|Qatar Central|Middle East
uaenorth|UAE North|Middle East
uaecentral|UAE Central|Middle East
southafricanorth|South Africa North|Africa
southafricawest|South Africa West|Africa
australiaeast|Australia East|Asia Pacific
australiasoutheast|Australia Southeast|Asia Pacific
australiacentral|Australia Central|Asia Pacific
australiacentral2|Australia Central 2|Asia Pacific
newzealandnorth|New Zealand North|Asia Pacific
eastasia|East Asia|Asia Pacific
southeastasia|Southeast Asia|Asia Pacific
indonesiacentral|Indonesia Central|Asia Pacific
malaysiawest|Malaysia West|Asia Pacific
japaneast|Japan East|Asia Pacific
japanwest|Japan West|Asia Pacific
koreacentral|Korea Central|Asia Pacific
koreasouth|Korea South|Asia Pacific
centralindia|Central India|Asia Pacific
southindia|South India|Asia Pacific
westindia|West India|Asia Pacific
jioindiawest|Jio India West|Asia Pacific
jioindiacentral|Jio India Central|Asia Pacific
centraluseuap|Central US EUAP|US
eastus2euap|East US 2 EUAP|US
`

export interface AzureRegion {
  readonly name: string
  readonly displayName: string
  readonly geography: string
}

const regions: ReadonlyMap<string, AzureRegion> = new Map(
  rows
    .trim()
    .split('\n')
    .map(line => line.split('|') as [string, string, string])
    .map(([name, displayName, geography]) => [name, { name, displayName, geography }]),
)

/** The public region of that short name. */
export const azureRegion = (name: string): AzureRegion | undefined => regions.get(name)
