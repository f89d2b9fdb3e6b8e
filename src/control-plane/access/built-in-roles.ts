import type { Permission, Role } from './role.ts'

/** Which a first start gives. */
export const OWNER = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'

/** Since when Azure has had roles; its own dates differ from role to role. */
const since = '2015-02-02T21:55:09.880Z'

type Given = Partial<Permission>

const role = (name: string, roleName: string, description: string, given: Given): Role => ({
  name,
  roleName,
  description,
  type: 'BuiltInRole',
  permissions: [{ actions: [], notActions: [], dataActions: [], notDataActions: [], ...given }],
  assignableScopes: ['/'],
  createdOn: since,
  updatedOn: since,
})

/** What nearly every role of Azure has: to look at roles, deploy templates, see the group and ask for support. */
const usual = [
  'Microsoft.Authorization/*/read',
  'Microsoft.Insights/alertRules/*',
  'Microsoft.ResourceHealth/availabilityStatuses/read',
  'Microsoft.Resources/deployments/*',
  'Microsoft.Resources/subscriptions/resourceGroups/read',
  'Microsoft.Support/*',
]

const general: readonly Role[] = [
  role(OWNER, 'Owner', 'Manages everything, and decides who else may.', { actions: ['*'] }),
  role(
    'b24988ac-6180-42a0-ab88-20f7382dd24c',
    'Contributor',
    'Manages everything but access, and shares no galleries.',
    {
      actions: ['*'],
      notActions: [
        'Microsoft.Authorization/*/Delete',
        'Microsoft.Authorization/*/Write',
        'Microsoft.Authorization/elevateAccess/Action',
        'Microsoft.Blueprint/blueprintAssignments/write',
        'Microsoft.Blueprint/blueprintAssignments/delete',
        'Microsoft.Compute/galleries/share/action',
        'Microsoft.Purview/consents/write',
        'Microsoft.Purview/consents/delete',
        'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
      ],
    },
  ),
  role('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', 'Sees everything and changes nothing.', {
    actions: ['*/read'],
  }),
  role('18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', 'User Access Administrator', 'Decides who may do what.', {
    actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'],
  }),
  role(
    'f58310d9-a9f6-439a-9e8d-f62e7b41a168',
    'Role Based Access Control Administrator',
    'Decides who may do what by role assignments, and by nothing else.',
    {
      actions: [
        'Microsoft.Authorization/roleAssignments/write',
        'Microsoft.Authorization/roleAssignments/delete',
        '*/read',
        'Microsoft.Support/*',
      ],
    },
  ),
  role('4a9ae827-6dc8-4573-8ac7-8239d42aa03f', 'Tag Contributor', 'Changes tags without seeing more than it must.', {
    actions: [
      ...usual,
      'Microsoft.Resources/subscriptions/resourceGroups/resources/read',
      'Microsoft.Resources/subscriptions/resources/read',
      'Microsoft.Resources/tags/*',
    ],
  }),
  role('28bf596f-4eb7-45ce-b5bc-6cf482fec137', 'Locks Contributor', 'Places and removes locks.', {
    actions: ['Microsoft.Authorization/locks/*'],
  }),
  role('43d0d8ad-25c7-4714-9337-8ba259a9fe05', 'Monitoring Reader', 'Sees everything that is monitored.', {
    actions: ['*/read', 'Microsoft.OperationalInsights/workspaces/search/action', 'Microsoft.Support/*'],
  }),
]

const compute: readonly Role[] = [
  role(
    '9980e02c-c2be-4d73-94e8-173b1dc7cf3c',
    'Virtual Machine Contributor',
    'Manages virtual machines, not who may.',
    {
      actions: [
        ...usual,
        'Microsoft.Compute/availabilitySets/*',
        'Microsoft.Compute/locations/*',
        'Microsoft.Compute/virtualMachines/*',
        'Microsoft.Compute/virtualMachineScaleSets/*',
        'Microsoft.Compute/cloudServices/*',
        'Microsoft.Compute/disks/write',
        'Microsoft.Compute/disks/read',
        'Microsoft.Compute/disks/delete',
        'Microsoft.DevTestLab/schedules/*',
        'Microsoft.Network/applicationGateways/backendAddressPools/join/action',
        'Microsoft.Network/loadBalancers/backendAddressPools/join/action',
        'Microsoft.Network/loadBalancers/inboundNatPools/join/action',
        'Microsoft.Network/loadBalancers/inboundNatRules/join/action',
        'Microsoft.Network/loadBalancers/probes/join/action',
        'Microsoft.Network/loadBalancers/read',
        'Microsoft.Network/locations/*',
        'Microsoft.Network/networkInterfaces/*',
        'Microsoft.Network/networkSecurityGroups/join/action',
        'Microsoft.Network/networkSecurityGroups/read',
        'Microsoft.Network/publicIPAddresses/join/action',
        'Microsoft.Network/publicIPAddresses/read',
        'Microsoft.Network/virtualNetworks/read',
        'Microsoft.Network/virtualNetworks/subnets/join/action',
        'Microsoft.RecoveryServices/locations/*',
        'Microsoft.SerialConsole/serialPorts/connect/action',
        'Microsoft.SqlVirtualMachine/*',
        'Microsoft.Storage/storageAccounts/listKeys/action',
        'Microsoft.Storage/storageAccounts/read',
      ],
    },
  ),
  role(
    '1c0163c0-47e6-4577-8991-ea5c82e286e4',
    'Virtual Machine Administrator Login',
    'Sees virtual machines and signs in to them as administrator.',
    {
      actions: [
        'Microsoft.Network/publicIPAddresses/read',
        'Microsoft.Network/virtualNetworks/read',
        'Microsoft.Network/loadBalancers/read',
        'Microsoft.Network/networkInterfaces/read',
        'Microsoft.Compute/virtualMachines/*/read',
        'Microsoft.HybridCompute/machines/*/read',
      ],
      dataActions: [
        'Microsoft.Compute/virtualMachines/login/action',
        'Microsoft.Compute/virtualMachines/loginAsAdmin/action',
        'Microsoft.HybridCompute/machines/login/action',
        'Microsoft.HybridCompute/machines/loginAsAdmin/action',
      ],
    },
  ),
  role(
    'fb879df8-f326-4884-b1cf-06f3ad86be52',
    'Virtual Machine User Login',
    'Sees virtual machines and signs in to them as a user.',
    {
      actions: [
        'Microsoft.Network/publicIPAddresses/read',
        'Microsoft.Network/virtualNetworks/read',
        'Microsoft.Network/loadBalancers/read',
        'Microsoft.Network/networkInterfaces/read',
        'Microsoft.Compute/virtualMachines/*/read',
        'Microsoft.HybridCompute/machines/*/read',
      ],
      dataActions: ['Microsoft.Compute/virtualMachines/login/action', 'Microsoft.HybridCompute/machines/login/action'],
    },
  ),
  role(
    '85a2d0d9-2eba-4c9c-b355-11c2cc0788ab',
    'Compute Gallery Artifacts Publisher',
    'Publishes what galleries offer, and shares nothing.',
    {
      actions: [
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Compute/galleries/*',
        'Microsoft.Compute/locations/capsOperations/read',
        'Microsoft.Compute/locations/communityGalleries/*',
        'Microsoft.Compute/locations/sharedGalleries/*',
        'Microsoft.Compute/images/*',
        'Microsoft.Compute/virtualMachines/write',
        'Microsoft.Compute/disks/write',
      ],
      notActions: ['Microsoft.Compute/galleries/share/action'],
    },
  ),
  role('cf7c76d2-98a3-4358-a134-615aa78bf44d', 'Compute Gallery Image Reader', 'Reads the images of galleries.', {
    actions: ['Microsoft.Compute/galleries/images/read', 'Microsoft.Compute/galleries/images/versions/read'],
  }),
  role('1ef6a3be-d0ac-425d-8c01-acb62866290b', 'Compute Gallery Sharing Admin', 'Shares galleries, and does no more.', {
    actions: ['Microsoft.Compute/galleries/share/action'],
  }),
  role('7efff54f-a5b4-42b5-a1c5-5411624893ce', 'Disk Snapshot Contributor', 'Makes and manages snapshots of disks.', {
    actions: [
      'Microsoft.Authorization/*/read',
      'Microsoft.Compute/snapshots/delete',
      'Microsoft.Compute/snapshots/read',
      'Microsoft.Compute/snapshots/write',
      'Microsoft.Compute/snapshots/beginGetAccess/action',
      'Microsoft.Compute/snapshots/endGetAccess/action',
      'Microsoft.Compute/disks/beginGetAccess/action',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      'Microsoft.Storage/storageAccounts/listKeys/action',
      'Microsoft.Storage/storageAccounts/write',
      'Microsoft.Storage/storageAccounts/read',
      'Microsoft.Storage/storageAccounts/delete',
    ],
  }),
  role('3e5e47e6-65f7-47ef-90b5-e5dd4d455f24', 'Disk Backup Reader', 'Lets disks be backed up.', {
    actions: [
      'Microsoft.Authorization/*/read',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      'Microsoft.Compute/disks/read',
      'Microsoft.Compute/disks/beginGetAccess/action',
    ],
  }),
  role('b50d9833-a0cb-478e-945f-707fcc997c13', 'Disk Restore Operator', 'Makes disks again from a backup.', {
    actions: [
      'Microsoft.Authorization/*/read',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      'Microsoft.Compute/disks/write',
      'Microsoft.Compute/disks/read',
    ],
  }),
  role(
    '959f8984-c045-4866-89c7-12bf9737be2e',
    'Data Operator for Managed Disks',
    'Uploads and downloads disks and snapshots where that takes a role on their data.',
    {
      dataActions: [
        'Microsoft.Compute/disks/download/action',
        'Microsoft.Compute/disks/upload/action',
        'Microsoft.Compute/snapshots/download/action',
        'Microsoft.Compute/snapshots/upload/action',
      ],
    },
  ),
]

const identities: readonly Role[] = [
  role(
    'f1a07417-d97a-45cb-824c-7a7467783830',
    'Managed Identity Operator',
    'Sees managed identities and assigns them.',
    {
      actions: [
        'Microsoft.ManagedIdentity/userAssignedIdentities/*/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
        'Microsoft.ManagedIdentity/userAssignedIdentities/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Support/*',
      ],
    },
  ),
  role(
    'e40ec5ca-96e0-45a2-b4ff-59039f2c2b59',
    'Managed Identity Contributor',
    'Makes and deletes managed identities.',
    {
      actions: [
        'Microsoft.ManagedIdentity/userAssignedIdentities/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/write',
        'Microsoft.ManagedIdentity/userAssignedIdentities/delete',
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Support/*',
      ],
    },
  ),
]

const network: readonly Role[] = [
  role('4d97b98b-1d4f-4787-a291-c67834d212e7', 'Network Contributor', 'Manages networks, not who may.', {
    actions: [...usual, 'Microsoft.Network/*'],
  }),
]

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers'

const storage: readonly Role[] = [
  role(
    '17d1049b-9a84-46fb-8f53-869881c3d3ab',
    'Storage Account Contributor',
    'Manages storage accounts and their keys.',
    {
      actions: [
        ...usual,
        'Microsoft.Insights/diagnosticSettings/*',
        'Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action',
        'Microsoft.Storage/storageAccounts/*',
      ],
    },
  ),
  role(
    '81a9662b-bebf-436f-a333-f67b29880f12',
    'Storage Account Key Operator Service Role',
    'Lists and renews the keys of storage accounts.',
    {
      actions: [
        'Microsoft.Storage/storageAccounts/listkeys/action',
        'Microsoft.Storage/storageAccounts/regeneratekey/action',
      ],
    },
  ),
  role(
    'c12c1c16-33a1-487b-954d-41c89c60f349',
    'Reader and Data Access',
    'Sees storage accounts and, by their keys, all that is in them.',
    {
      actions: [
        'Microsoft.Storage/storageAccounts/listKeys/action',
        'Microsoft.Storage/storageAccounts/ListAccountSas/action',
        'Microsoft.Storage/storageAccounts/read',
      ],
    },
  ),
  role('b7e6dc6d-f1e8-4753-8033-0f276bb0955b', 'Storage Blob Data Owner', 'Owns blobs and decides who may use them.', {
    actions: [`${blobs}/*`, 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'],
    dataActions: [`${blobs}/blobs/*`],
  }),
  role('ba92f5b4-2d11-453d-a403-e96b0029c9fe', 'Storage Blob Data Contributor', 'Reads, writes and deletes blobs.', {
    actions: [
      `${blobs}/delete`,
      `${blobs}/read`,
      `${blobs}/write`,
      'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action',
    ],
    dataActions: [
      `${blobs}/blobs/delete`,
      `${blobs}/blobs/read`,
      `${blobs}/blobs/write`,
      `${blobs}/blobs/move/action`,
      `${blobs}/blobs/add/action`,
    ],
  }),
  role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader', 'Reads blobs.', {
    actions: [`${blobs}/read`, 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'],
    dataActions: [`${blobs}/blobs/read`],
  }),
]

/** Azure's roles that touch what is served here, by Azure's ids and with Azure's permissions (azure-docs, built-in-roles). */
export const builtInRoles: readonly Role[] = [...general, ...compute, ...identities, ...network, ...storage]
