import { Type } from 'typebox'
import { armId, count, flag, oneOf, osTypes, shown, text } from '../disk-schema.ts'

const keep = { keep: true } as const
const immutable = { immutable: true } as const
const anything = () => Type.Optional(Type.Unknown(keep))

const imageReference = Type.Optional(
  Type.Object({
    id: text(),
    sharedGalleryImageId: text(),
    communityGalleryImageId: text(),
    publisher: text(),
    offer: text(),
    sku: text(),
    version: text(),
    exactVersion: shown(),
  }),
)

const managedDisk = Type.Optional(
  Type.Object({
    id: armId(),
    storageAccountType: oneOf([
      'Standard_LRS',
      'Premium_LRS',
      'StandardSSD_LRS',
      'UltraSSD_LRS',
      'Premium_ZRS',
      'StandardSSD_ZRS',
      'PremiumV2_LRS',
    ]),
    diskEncryptionSet: anything(),
    securityProfile: anything(),
  }),
)

const disk = {
  name: text(),
  createOption: Type.Enum(['FromImage', 'Empty', 'Attach', 'Copy', 'Restore']),
  caching: oneOf(['None', 'ReadOnly', 'ReadWrite']),
  diskSizeGB: count(1, 32_767),
  managedDisk,
  deleteOption: oneOf(['Delete', 'Detach']),
  writeAcceleratorEnabled: flag(),
  image: anything(),
  vhd: anything(),
}

const osDisk = Type.Object({
  ...disk,
  osType: oneOf(osTypes),
  diffDiskSettings: anything(),
  encryptionSettings: anything(),
})

const dataDisk = Type.Object({
  ...disk,
  lun: Type.Integer({ minimum: 0, maximum: 63 }),
  toBeDetached: flag({ default: false }),
  detachOption: oneOf(['ForceDetach']),
  sourceResource: anything(),
  diskIOPSReadWrite: shown(),
  diskMBpsReadWrite: shown(),
})

const patchSettings = Type.Optional(
  Type.Object({
    patchMode: oneOf(['ImageDefault', 'AutomaticByPlatform', 'AutomaticByOS', 'Manual']),
    assessmentMode: oneOf(['ImageDefault', 'AutomaticByPlatform']),
    automaticByPlatformSettings: anything(),
  }),
)

// Secrets are handed to the rules and stored where nobody sees them.
const secret = (maxLength: number) => Type.Optional(Type.String({ writeOnly: true, maxLength }))

const osProfile = Type.Optional(
  Type.Object(
    {
      computerName: text(),
      adminUsername: text(),
      adminPassword: secret(4096),
      // Base64 of the 64 KiB that Azure takes, and room for a refusal of more.
      customData: secret(2 ** 18),
      linuxConfiguration: Type.Optional(
        Type.Object({
          disablePasswordAuthentication: flag(),
          ssh: Type.Optional(
            Type.Object({
              publicKeys: Type.Optional(
                Type.Array(Type.Object({ path: text(), keyData: Type.Optional(Type.String({ maxLength: 16_384 })) }), {
                  ...keep,
                  maxItems: 100,
                }),
              ),
            }),
          ),
          provisionVMAgent: flag(),
          patchSettings,
          enableVMAgentPlatformUpdates: flag(),
        }),
      ),
      windowsConfiguration: anything(),
      secrets: Type.Optional(Type.Array(Type.Unknown(), keep)),
      allowExtensionOperations: flag(),
      requireGuestProvisionSignal: flag(),
    },
    immutable,
  ),
)

const nicReference = Type.Object({
  id: armId(),
  properties: Type.Optional(Type.Object({ primary: flag(), deleteOption: oneOf(['Delete', 'Detach']) })),
})

// The last one is what az sends; Azure shows it with a space.
const identityTypes = [
  'None',
  'SystemAssigned',
  'UserAssigned',
  'SystemAssigned, UserAssigned',
  'SystemAssigned,UserAssigned',
]

/** Every member that Azure has, so that what is not served can be refused by name. */
export const machineSchema = Type.Object({
  identity: Type.Optional(
    Type.Object(
      {
        type: oneOf(identityTypes),
        // Values are looked at by the rules: an empty object is more than an absent one here.
        userAssignedIdentities: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        principalId: shown(),
        tenantId: shown(),
      },
      keep,
    ),
  ),
  zones: Type.Optional(Type.Array(Type.String(), keep)),
  plan: anything(),
  placement: anything(),
  extendedLocation: Type.Optional(Type.Object({ name: text(), type: text() }, keep)),
  managedBy: shown(),
  resources: shown(),
  properties: Type.Object({
    hardwareProfile: Type.Optional(Type.Object({ vmSize: text(), vmSizeProperties: anything() }, keep)),
    storageProfile: Type.Optional(
      Type.Object({
        imageReference,
        osDisk: Type.Optional(osDisk),
        dataDisks: Type.Optional(Type.Array(dataDisk, { ...keep, maxItems: 64 })),
        diskControllerType: oneOf(['SCSI', 'NVMe']),
        alignRegionalDisksToVMZone: flag(),
      }),
    ),
    osProfile,
    networkProfile: Type.Optional(
      Type.Object({
        networkInterfaces: Type.Optional(Type.Array(nicReference, { ...keep, maxItems: 8 })),
        networkApiVersion: text(),
        networkInterfaceConfigurations: Type.Optional(Type.Array(Type.Unknown(), keep)),
      }),
    ),
    diagnosticsProfile: Type.Optional(
      Type.Object({ bootDiagnostics: Type.Optional(Type.Object({ enabled: flag(), storageUri: text() })) }),
    ),
    securityProfile: Type.Optional(
      Type.Object({
        securityType: oneOf(['Standard', 'TrustedLaunch', 'ConfidentialVM']),
        uefiSettings: Type.Optional(Type.Object({ secureBootEnabled: flag(), vTpmEnabled: flag() })),
        encryptionAtHost: flag(),
        encryptionIdentity: anything(),
        proxyAgentSettings: anything(),
      }),
    ),
    additionalCapabilities: Type.Optional(
      Type.Object({ ultraSSDEnabled: flag(), hibernationEnabled: flag(), enableFips1403Encryption: flag() }),
    ),
    userData: Type.Optional(Type.String({ writeOnly: true, maxLength: 2 ** 18 })),
    licenseType: text(),
    priority: oneOf(['Regular', 'Low', 'Spot']),
    evictionPolicy: oneOf(['Deallocate', 'Delete']),
    billingProfile: anything(),
    availabilitySet: anything(),
    virtualMachineScaleSet: anything(),
    proximityPlacementGroup: anything(),
    host: anything(),
    hostGroup: anything(),
    platformFaultDomain: anything(),
    extensionsTimeBudget: text(),
    scheduledEventsPolicy: anything(),
    scheduledEventsProfile: anything(),
    capacityReservation: anything(),
    applicationProfile: anything(),
    vmId: shown(),
    timeCreated: shown(),
    instanceView: shown(),
    provisioningState: shown(),
  }),
})
