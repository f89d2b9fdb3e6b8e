import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'

export const machineType = 'Microsoft.Compute/virtualMachines'

export type HyperVGeneration = 'V1' | 'V2'
export type DeleteOption = 'Delete' | 'Detach'

/** What an image reference names: a version, a definition or a managed image by id, or a platform image by its four names. */
export interface ImageReference {
  readonly id?: string
  readonly sharedGalleryImageId?: string
  readonly communityGalleryImageId?: string
  readonly publisher?: string
  readonly offer?: string
  readonly sku?: string
  readonly version?: string
  /** What `latest` meant when the machine was made. */
  readonly exactVersion?: string
}

/** A disk of a machine as its owner wrote it. */
export interface DiskProfile {
  readonly name?: string
  readonly createOption: 'FromImage' | 'Empty' | 'Attach' | 'Copy' | 'Restore'
  readonly caching?: 'None' | 'ReadOnly' | 'ReadWrite'
  readonly diskSizeGB?: number
  readonly managedDisk?: { readonly id?: string; readonly storageAccountType?: string }
  readonly deleteOption?: DeleteOption
}
export type OsDiskProfile = DiskProfile & { readonly osType?: 'Linux' | 'Windows' }
export type DataDiskProfile = DiskProfile & { readonly lun: number; readonly toBeDetached?: boolean }

export interface StorageProfile {
  readonly imageReference?: ImageReference
  readonly osDisk?: OsDiskProfile
  readonly dataDisks?: readonly DataDiskProfile[]
}

export interface PublicKey {
  readonly path?: string
  readonly keyData?: string
}

export interface OsProfile {
  readonly computerName?: string
  readonly adminUsername?: string
  /** In a request only. */
  readonly adminPassword?: string
  /** Base64; in a request only. */
  readonly customData?: string
  readonly linuxConfiguration?: {
    readonly disablePasswordAuthentication?: boolean
    readonly ssh?: { readonly publicKeys?: readonly PublicKey[] }
    readonly provisionVMAgent?: boolean
  }
  readonly windowsConfiguration?: JsonObject
  readonly secrets?: readonly JsonObject[]
  readonly allowExtensionOperations?: boolean
}

export interface NicReference {
  readonly id?: string
  readonly properties?: { readonly primary?: boolean; readonly deleteOption?: DeleteOption }
}

/** The properties of a machine that rules look at; the schema has checked their form. */
export interface MachineProperties {
  /** Names the machine on its host, and for its guest. */
  readonly vmId: string
  readonly timeCreated: string
  readonly hardwareProfile?: { readonly vmSize?: string }
  readonly storageProfile?: StorageProfile
  readonly osProfile?: OsProfile
  readonly networkProfile?: { readonly networkInterfaces?: readonly NicReference[] }
  readonly diagnosticsProfile?: {
    readonly bootDiagnostics?: { readonly enabled?: boolean; readonly storageUri?: string }
  }
  readonly securityProfile?: { readonly securityType?: string }
}

/** How a machine is meant to be: what its owner, or its guest by switching off, has come to. */
export type Power = 'running' | 'stopped' | 'deallocated'

/** A disk that a machine holds beside those of its profile, while it gets another OS disk: by its id in lower case. */
export interface StrayDisk {
  readonly key: string
  /** Whether it is deleted when the machine lets go of it. */
  readonly goes: boolean
}

/** What only the provider may see of a machine. A member that is over is null. */
export interface HiddenOfMachine {
  readonly power?: Power
  /** What is being done about that now. */
  readonly phase?: 'starting' | 'stopping' | 'deallocating' | null
  /** Since when it is generalized: it can be captured, and never started again. */
  readonly generalizedAt?: string
  readonly generation?: HyperVGeneration
  readonly strays?: readonly StrayDisk[]
  /** Names the guest's state: another one makes the guest a new machine. */
  readonly instanceId?: string
  /** The instance that has reported that it is provisioned: it is told no secrets again. */
  readonly provisioned?: string
  readonly adminPassword?: string
  /** Base64. */
  readonly customData?: string
  readonly userData?: string | null
  /** The boot of the host in which it was started: after another one, what ran is started again. */
  readonly hostBoot?: string
  /** Why it does not run though it should, with the last lines of its console. */
  readonly ended?: { readonly reason: string; readonly time: string } | null
  /** Why the last creation or change failed. */
  readonly failure?: { readonly code: string; readonly message: string } | null
  /** Of its system-assigned identity, which shows its object id alone. */
  readonly identityClientId?: string | null
  /** Why its creation has not begun yet. */
  readonly waiting?: string | null
}

export const machineOf = (document: ResourceDocument): MachineProperties =>
  document.properties as unknown as MachineProperties
export const hiddenOf = (document: ResourceDocument): HiddenOfMachine => document.hidden as HiddenOfMachine
export const asHidden = (hidden: HiddenOfMachine): JsonObject => hidden as unknown as JsonObject

/** The disks of a machine, its OS disk first; `lun` is absent for that. */
export const disksOfMachine = (document: ResourceDocument): readonly (DiskProfile & { readonly lun?: number })[] => {
  const { osDisk, dataDisks = [] } = machineOf(document).storageProfile ?? {}
  return [...(osDisk ? [osDisk] : []), ...dataDisks]
}

export const nicsOfMachine = (document: ResourceDocument): readonly NicReference[] =>
  machineOf(document).networkProfile?.networkInterfaces ?? []
