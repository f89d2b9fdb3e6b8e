import { row } from '#arm/arm-error.ts'

/** Refusals of managed images. */
export const imageError = {
  oneSource: row(
    400,
    'InvalidParameter',
    'an image disk with no source, or with more than one',
    (path: string) =>
      `Exactly one of 'managedDisk', 'snapshot' and 'blobUri' must be specified for parameter '${path}'.`,
    path => path,
  ),
  osDiskMissing: row(
    400,
    'InvalidParameter',
    'an image without OS disk',
    () => "Required parameter 'image.properties.storageProfile.osDisk' is missing (null).",
    () => 'image.properties.storageProfile.osDisk',
  ),
  sourceKindInvalid: row(
    400,
    'InvalidParameter',
    'a managedDisk that is no disk, or a snapshot that is none',
    (id: string, path: string) => `The resource '${id}' cannot be used for parameter '${path}'.`,
    (_id, path) => path,
  ),
  sourceNotFound: row(
    404,
    'NotFound',
    'a disk or snapshot that is not there',
    (id: string, path: string) => `Resource ${id} is not found. Parameter '${path}' refers to it.`,
    (_id, path) => path,
  ),
  virtualMachineNotFound: row(
    404,
    'NotFound',
    'a source virtual machine that is not there',
    (id: string) => `Resource ${id} is not found.`,
    () => 'sourceVirtualMachine.id',
  ),
  notGeneralized: row(
    409,
    'OperationNotAllowed',
    'an image of a machine that is not generalized',
    (name: string) =>
      `Operation 'CreateImage' is not allowed on VM '${name}' since the VM is not generalized. Deprovision its guest, deallocate it, and generalize it first; a specialized image is made as a version of a gallery image.`,
    () => 'sourceVirtualMachine.id',
  ),
  virtualMachineAndDisks: row(
    400,
    'InvalidParameter',
    'a source virtual machine beside disks',
    () => "Only one of 'sourceVirtualMachine' and the disks of 'storageProfile' may be specified.",
    () => 'image.properties.sourceVirtualMachine',
  ),
  lunTwice: row(
    400,
    'InvalidParameter',
    'two data disks at one lun',
    () =>
      'Duplicated lun numbers have been detected in the input data disks. Lun number must be unique for each data disk.',
    () => 'image.properties.storageProfile.dataDisks',
  ),
  osTypeMismatch: row(
    400,
    'InvalidParameter',
    'another OS type than the source has',
    (wanted: string, id: string, source: string) =>
      `The osType '${wanted}' of the image does not match the osType '${source}' of the source '${id}'.`,
    () => 'image.properties.storageProfile.osDisk.osType',
  ),
  generationMismatch: row(
    400,
    'InvalidParameter',
    'another generation than the source has',
    (wanted: string, id: string, source: string) =>
      `The hyperVGeneration '${wanted}' of the image does not match the hyperVGeneration '${source}' of the source '${id}'.`,
    () => 'image.properties.hyperVGeneration',
  ),
} as const
