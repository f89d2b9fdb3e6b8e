import { armError } from '#arm/arm-error.ts'
import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'

const isTrue = (value: Json) => value === true
const isFilled = (value: Json) => (Array.isArray(value) ? value.length > 0 : true)

/** Settings of machines that would be broken promises here. */
const ofMachines: readonly Unserved[] = [
  ['extendedLocation.name', 'An edge zone'],
  ['zones', 'An availability zone of a virtual machine', isFilled],
  ['placement', 'A placement of a virtual machine'],
  ['plan', 'A purchase plan of a marketplace image'],
  ['properties.hardwareProfile.vmSizeProperties', 'A size with other numbers of cores (vmSizeProperties)'],
  ['properties.storageProfile.diskControllerType', 'The NVMe disk controller', value => value === 'NVMe'],
  ['properties.storageProfile.alignRegionalDisksToVMZone', 'alignRegionalDisksToVMZone', isTrue],
  ['properties.osProfile.windowsConfiguration', 'Provisioning of Windows (windowsConfiguration)'],
  ['properties.osProfile.secrets', 'Certificates of a key vault (osProfile.secrets)', isFilled],
  [
    'properties.osProfile.linuxConfiguration.patchSettings.patchMode',
    'Patching by the platform',
    value => value !== 'ImageDefault',
  ],
  [
    'properties.osProfile.linuxConfiguration.patchSettings.assessmentMode',
    'Assessment of patches by the platform',
    value => value !== 'ImageDefault',
  ],
  ['properties.osProfile.linuxConfiguration.enableVMAgentPlatformUpdates', 'enableVMAgentPlatformUpdates', isTrue],
  [
    'properties.networkProfile.networkInterfaceConfigurations',
    'A network interface made with the machine (networkInterfaceConfigurations): make it first, and name it in networkInterfaces. That',
    isFilled,
  ],
  ['properties.diagnosticsProfile.bootDiagnostics.storageUri', 'Boot diagnostics in a storage account of your own'],
  [
    'properties.securityProfile.securityType',
    'A confidential virtual machine',
    value => value !== 'Standard' && value !== 'TrustedLaunch',
  ],
  ['properties.securityProfile.encryptionAtHost', 'Encryption at host', isTrue],
  ['properties.securityProfile.encryptionIdentity', 'An encryption identity'],
  ['properties.securityProfile.proxyAgentSettings', 'The metadata security protocol (proxyAgentSettings)'],
  ['properties.additionalCapabilities.ultraSSDEnabled', 'The disk type UltraSSD_LRS', isTrue],
  ['properties.additionalCapabilities.hibernationEnabled', 'Hibernation', isTrue],
  ['properties.additionalCapabilities.enableFips1403Encryption', 'FIPS 140-3 encryption of extensions', isTrue],
  ['properties.licenseType', 'A license type'],
  ['properties.priority', 'A Spot virtual machine', value => value !== 'Regular'],
  ['properties.evictionPolicy', 'An eviction policy'],
  ['properties.billingProfile', 'A billing profile'],
  ['properties.availabilitySet', 'An availability set'],
  ['properties.virtualMachineScaleSet', 'A virtual machine scale set'],
  ['properties.proximityPlacementGroup', 'A proximity placement group'],
  ['properties.host', 'A dedicated host'],
  ['properties.hostGroup', 'A group of dedicated hosts'],
  ['properties.platformFaultDomain', 'A fault domain'],
  ['properties.scheduledEventsPolicy', 'A policy of scheduled events'],
  ['properties.scheduledEventsProfile', 'Notifications of scheduled events'],
  ['properties.capacityReservation', 'A capacity reservation'],
  ['properties.applicationProfile', 'Gallery applications'],
]

/** The same of each of their disks. */
const ofDisks: readonly Unserved[] = [
  ['writeAcceleratorEnabled', 'The write accelerator', isTrue],
  ['image', 'An unmanaged disk (image)'],
  ['vhd', 'An unmanaged disk (vhd)'],
  ['diffDiskSettings', 'An ephemeral OS disk'],
  ['encryptionSettings', 'Azure Disk Encryption'],
  ['sourceResource', 'A data disk made of another disk by the machine (sourceResource)'],
  ['managedDisk.diskEncryptionSet', 'Encryption with a disk encryption set'],
  ['managedDisk.securityProfile', 'A confidential disk'],
]

const diskList = (profile: JsonObject | undefined): readonly JsonObject[] => {
  const { osDisk, dataDisks = [] } = (profile ?? {}) as { osDisk?: JsonObject; dataDisks?: readonly JsonObject[] }
  return [...(osDisk ? [osDisk] : []), ...dataDisks]
}

/** Throws for a setting of a machine that can not be honoured. */
export const refuseUnservedMachine = (body: JsonObject): void => {
  refuseUnserved(body, ofMachines)
  const { storageProfile } = body.properties as { storageProfile?: JsonObject }
  for (const disk of diskList(storageProfile)) {
    refuseUnserved(disk, ofDisks)
    if (disk.createOption === 'Copy' || disk.createOption === 'Restore')
      throw armError.notServed(`The createOption '${disk.createOption}' of a machine's disk`)
  }
}
