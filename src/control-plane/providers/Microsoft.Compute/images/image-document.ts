import type { ResourceDocument } from '#resources/resource-document.ts'

/** One disk of an image as its owner wrote it. */
export interface ImageDisk {
  readonly snapshot?: { readonly id?: string }
  readonly managedDisk?: { readonly id?: string }
  readonly blobUri?: string
  readonly caching?: 'None' | 'ReadOnly' | 'ReadWrite'
  readonly diskSizeGB?: number
  readonly storageAccountType?: string
  readonly diskEncryptionSet?: { readonly id?: string }
}
export type OsDisk = ImageDisk & {
  readonly osType: 'Linux' | 'Windows'
  readonly osState: 'Generalized' | 'Specialized'
}
export type DataDisk = ImageDisk & { readonly lun: number }

export interface ImageProperties {
  readonly sourceVirtualMachine?: { readonly id?: string }
  readonly storageProfile?: {
    readonly osDisk?: OsDisk
    readonly dataDisks?: readonly DataDisk[]
    readonly zoneResilient?: boolean
  }
  readonly hyperVGeneration?: 'V1' | 'V2'
}

export const imageOf = (document: ResourceDocument): ImageProperties => document.properties as ImageProperties
