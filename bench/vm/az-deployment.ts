import { securityRule } from '../../test/support/security-rule.ts'

export interface WantedMachine {
  readonly name: string
  readonly location: string
  readonly imageId: string
  readonly size: string
  readonly publicKey: string
}

export const adminName = 'azureuser'

/** The template deployment that `az vm create -n NAME --image ID --size SIZE --ssh-key-values KEY` sends. */
export const azDeployment = (wanted: WantedMachine, groupId: string) => {
  const { name, location } = wanted
  const network = `${groupId}/providers/Microsoft.Network`
  const placed = { location, tags: {}, dependsOn: [] as string[] }
  const resources = [
    {
      ...placed,
      name: `${name}VNET`,
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2015-06-15',
      properties: {
        addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
        subnets: [{ name: `${name}Subnet`, properties: { addressPrefix: '10.0.0.0/24' } }],
      },
    },
    {
      ...placed,
      type: 'Microsoft.Network/networkSecurityGroups',
      name: `${name}NSG`,
      apiVersion: '2015-06-15',
      properties: { securityRules: [sshRule] },
    },
    {
      ...placed,
      apiVersion: '2022-01-01',
      type: 'Microsoft.Network/publicIPAddresses',
      name: `${name}PublicIP`,
      properties: { publicIPAllocationMethod: 'Static' },
      sku: { name: 'Standard' },
    },
    {
      ...placed,
      apiVersion: '2015-06-15',
      type: 'Microsoft.Network/networkInterfaces',
      name: `${name}VMNic`,
      dependsOn: [
        `Microsoft.Network/virtualNetworks/${name}VNET`,
        `Microsoft.Network/networkSecurityGroups/${name}NSG`,
        `Microsoft.Network/publicIpAddresses/${name}PublicIP`,
      ],
      properties: {
        ipConfigurations: [
          {
            name: `ipconfig${name}`,
            properties: {
              privateIPAllocationMethod: 'Dynamic',
              subnet: { id: `${network}/virtualNetworks/${name}VNET/subnets/${name}Subnet` },
              publicIPAddress: { id: `${network}/publicIPAddresses/${name}PublicIP` },
            },
          },
        ],
        networkSecurityGroup: { id: `${network}/networkSecurityGroups/${name}NSG` },
      },
    },
    {
      ...placed,
      apiVersion: '2024-11-01',
      type: 'Microsoft.Compute/virtualMachines',
      name,
      dependsOn: [`Microsoft.Network/networkInterfaces/${name}VMNic`],
      properties: machineProperties(wanted, `${network}/networkInterfaces/${name}VMNic`),
    },
  ]
  const template = { $schema: schema, contentVersion: '1.0.0.0', parameters: {}, variables: {}, resources, outputs: {} }
  return { properties: { template, parameters: {}, mode: 'incremental' } }
}

const schema = 'https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#'

const sshRule = securityRule('default-allow-ssh')

const machineProperties = ({ name, imageId, size, publicKey }: WantedMachine, nicId: string) => ({
  hardwareProfile: { vmSize: size },
  networkProfile: { networkInterfaces: [{ id: nicId, properties: { deleteOption: null } }] },
  storageProfile: {
    osDisk: {
      createOption: 'fromImage',
      name: null,
      caching: 'ReadWrite',
      managedDisk: { storageAccountType: null },
    },
    imageReference: { id: imageId },
  },
  osProfile: {
    computerName: name,
    adminUsername: adminName,
    linuxConfiguration: {
      disablePasswordAuthentication: true,
      ssh: { publicKeys: [{ keyData: publicKey, path: `/home/${adminName}/.ssh/authorized_keys` }] },
    },
  },
})
