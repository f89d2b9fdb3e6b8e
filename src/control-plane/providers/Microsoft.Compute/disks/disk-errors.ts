import { row } from '#arm/arm-error.ts'

/** Refusals of disks and snapshots. Sentences are Azure's where they are known from its users' reports. */
export const diskError = {
  nameInvalid: row(
    400,
    'InvalidParameter',
    'a disk or snapshot name that breaks the rule',
    (name: string, noun: string) =>
      `The entity name '${name}' is invalid according to its validation rule: ^[^_\\W][\\w-._]{0,79}(?<![-.])$. A ${noun} name has up to 80 letters, digits, '_', '-' and '.'.`,
    (_name, noun) => noun,
  ),
  createOptionNotServed: row(
    400,
    'OperationNotSupported',
    'a createOption that is not there',
    (option: string) => `The createOption '${option}' is not available in OpenGallery. See docs/fidelity.md.`,
    () => 'creationData.createOption',
  ),
  optionForbids: row(
    400,
    'InvalidParameter',
    'creationData with a member that the createOption does not take',
    (member: string, option: string) =>
      `Parameter 'creationData.${member}' is not allowed when createOption is '${option}'.`,
    member => `creationData.${member}`,
  ),
  optionRequires: row(
    400,
    'InvalidParameter',
    'creationData without a member that the createOption needs',
    (member: string, option: string) =>
      `Required parameter 'creationData.${member}' is missing (null). It must be specified when createOption is '${option}'.`,
    member => `creationData.${member}`,
  ),
  uploadNotAligned: row(
    400,
    'InvalidParameter',
    'an upload size that is not whole MiB and a footer',
    (sizeBytes: number) =>
      `The value ${sizeBytes} of parameter 'creationData.uploadSizeBytes' is invalid. It must be a multiple of 1048576 plus 512 bytes for the VHD footer.`,
    () => 'creationData.uploadSizeBytes',
  ),
  sizeOfUpload: row(
    400,
    'InvalidParameter',
    'a disk size that is not the size of the upload',
    (sizeGB: number, uploadBytes: number) =>
      `The value ${sizeGB} of parameter 'diskSizeGB' does not match 'creationData.uploadSizeBytes' ${uploadBytes}. Leave it out when createOption is 'Upload'.`,
    () => 'diskSizeGB',
  ),
  sourceNotFound: row(
    404,
    'NotFound',
    'a source that is not there',
    (id: string) => `Resource ${id} is not found.`,
    () => 'creationData.sourceResourceId',
  ),
  sourceDamaged: row(
    409,
    'SourceDamaged',
    'a source of which bytes are damaged that no replica has',
    (id: string) =>
      `Bytes of ${id} are damaged, and no replica has good ones: nothing new is made of it. Publish the same image again from its own file, whole; what is stored is mended by that.`,
  ),
  uploadBegun: row(
    409,
    'UploadBegun',
    'an upload that is to start as a version, and has content already',
    (id: string) => `The upload to ${id} has content already: only an empty one can start as a version.`,
  ),
  sourceKindInvalid: row(
    400,
    'InvalidParameter',
    'a source id that names no disk or snapshot',
    (id: string) => `The source id: ${id} must be a managed disk or snapshot.`,
    () => 'creationData.sourceResourceId',
  ),
  sourceElsewhere: row(
    400,
    'InvalidParameter',
    'a source in another region',
    (id: string, its: string, wanted: string) =>
      `The source '${id}' is in location '${its}'. It must be in the same location '${wanted}' as the resource that is created of it.`,
    () => 'creationData.sourceResourceId',
  ),
  sourceNotReady: row(
    409,
    'OperationNotAllowed',
    'a source without complete bytes: an upload that has not ended, or a failed creation',
    (id: string, state: string) =>
      `The source '${id}' cannot be used in its state '${state}'. Wait until it is complete, and end the upload access first.`,
  ),
  imageReferenceInvalid: row(
    400,
    'InvalidParameter',
    'a gallery image reference that names no image, or a data disk that the image lacks',
    () => 'The value of parameter imageReference is invalid.',
    () => 'imageReference',
  ),
  galleryImageNotFound: row(
    404,
    'GalleryImageNotFound',
    'a gallery image that is not there, or not in the region of the disk',
    (id: string, region: string) =>
      `"The gallery image ${id} is not available in ${region} region. Please contact image owner to replicate to this region, or change your requested region."`,
    () => 'imageReference',
  ),
  templateImageNotFound: row(
    400,
    'InvalidParameter',
    'a template whose shared or community image is not in the region',
    (id: string, region: string) =>
      `In region ${region}, the following list of Shared Image Gallery images referenced from the deployment template were not found: ${id}. Please check that at least one image has been replicated to ${region} or that the 'exclude from latest' flag is set to false.`,
    () => 'imageReference',
  ),
  galleryImageIdInvalid: row(
    400,
    'InvalidParameter',
    'a shared or community id of another form',
    (id: string, member: string) =>
      `The value '${id}' of parameter 'imageReference.${member}' is invalid. It must be '/${member === 'communityGalleryImageId' ? 'CommunityGalleries/{publicName}' : 'SharedGalleries/{uniqueName}'}/Images/{image}' or '.../Images/{image}/Versions/{version}', where the version can be 'latest'.`,
    (_id, member) => `imageReference.${member}`,
  ),
  osTypeMismatch: row(
    400,
    'InvalidParameter',
    'another OS type than the source has',
    (wanted: string, source: string) =>
      `The osType '${wanted}' does not match the osType '${source}' of the source resource.`,
    () => 'osType',
  ),
  smallerThanSource: row(
    400,
    'InvalidParameter',
    'a size below that of the source',
    (wantedGB: number, sourceGB: number) =>
      `The specified disk size ${wantedGB} GB is smaller than the size of the corresponding source: ${sourceGB} GB. This is not allowed. Please choose equal or greater size or do not specify an explicit size.`,
    () => 'diskSizeGB',
  ),
  shrinking: row(
    409,
    'OperationNotAllowed',
    'a disk made smaller',
    (currentBytes: number, wantedBytes: number) =>
      `Disk size reduction is not supported. Current size is ${currentBytes} bytes, requested size is ${wantedBytes} bytes.`,
    () => 'diskSizeGB',
  ),
  attached: row(
    409,
    'OperationNotAllowed',
    'a delete of a disk that a machine has',
    (name: string, machine: string) => `Disk ${name} is attached to VM ${machine}.`,
    name => name,
  ),
  attachedElsewhere: row(
    409,
    'ConflictingUserInput',
    'a disk for a machine that another one has',
    (id: string, machine: string, owner: string) =>
      `Cannot attach the disk ${id} to VM ${machine} because it is already attached to VM ${owner}. A disk can be attached to only one VM at a time.`,
    id => id,
  ),
  inUse: row(
    409,
    'Conflict',
    'access to a disk, or another size, while its machine is allocated',
    (name: string, machine: string) =>
      `Access not permitted because disk ${name} is currently attached to running VM ${machine}.`,
  ),
  activeAccess: row(
    409,
    'OperationNotAllowed',
    'a delete or a change of size while a signed URL is out',
    (noun: string, name: string) =>
      `There is an active shared access signature outstanding for ${noun} ${name}. Call EndGetAccess before attaching or deleting the ${noun}. Learn more here: aka.ms/revokeaccessapi.`,
  ),
  notWritable: row(
    409,
    'OperationNotAllowed',
    'write access to a disk that is not waiting for an upload',
    (name: string, state: string) =>
      `Write access to '${name}' is not allowed in its state '${state}'. It is granted only while a disk that was created with createOption 'Upload' is ReadyToUpload or ActiveUpload.`,
  ),
  notReadable: row(
    409,
    'OperationNotAllowed',
    'read access to a disk that has no complete bytes',
    (name: string, state: string) =>
      `Read access to '${name}' is not allowed in its state '${state}'. End the upload first.`,
  ),
  stillUploading: row(
    409,
    'OperationNotAllowed',
    'a change of size of a disk that is waiting for its upload',
    (name: string, state: string) => `The size of '${name}' cannot be changed in its state '${state}'.`,
    () => 'diskSizeGB',
  ),
  exportDenied: row(
    409,
    'OperationNotAllowed',
    'access to a disk whose network policy forbids it',
    (name: string, policy: string) => `Access to '${name}' is denied because its ${policy}.`,
  ),
  skuForbidsIncremental: row(
    400,
    'InvalidParameter',
    'an incremental snapshot on premium storage',
    (sku: string) => `The sku '${sku}' is not supported for incremental snapshots. Use Standard_LRS or Standard_ZRS.`,
    () => 'sku.name',
  ),
  tierInvalid: row(
    400,
    'InvalidParameter',
    'a performance tier that the disk can not have',
    (tier: string, reason: string) => `The value '${tier}' of parameter 'tier' is invalid. ${reason}`,
    () => 'tier',
  ),
  trustedLaunchNeedsV2: row(
    400,
    'InvalidParameter',
    'Trusted Launch without generation 2',
    () => "The securityType 'TrustedLaunch' is supported only for disks with hyperVGeneration 'V2' and an osType.",
    () => 'securityProfile.securityType',
  ),
  vhdWithoutCookie: row(
    400,
    'InvalidVhd',
    'a VHD without footer',
    (name: string, source: string) =>
      `The specified cookie value in VHD footer indicates that disk '${name}' with blob ${source} is not a supported VHD. Disk is expected to have cookie value 'conectix'.`,
  ),
  vhdNotFixed: row(
    400,
    'InvalidVhd',
    'an upload of a dynamic or differencing VHD',
    (name: string, source: string) =>
      `The specified disk type value in VHD footer indicates that disk '${name}' with blob ${source} is not a supported VHD. Disk is expected to have disk type value 'Fixed'.`,
  ),
  vhdSizeMismatch: row(
    400,
    'InvalidVhd',
    'a VHD footer with another size than the file has',
    (source: string, footerBytes: number, heldBytes: number) =>
      `The VHD ${source} has a footer for a disk of ${footerBytes} bytes, but ${heldBytes} bytes in front of the footer.`,
  ),
  vhdNotWholeMB: row(
    400,
    'InvalidVhd',
    'a VHD whose size is not whole MiB',
    (source: string, sizeBytes: number) =>
      `The VHD ${source} has an unsupported virtual size of ${sizeBytes} bytes. The size must be a whole number (in MBs).`,
  ),
  vhdUnreadable: row(
    400,
    'InvalidVhd',
    'a VHD that is damaged or hostile',
    (source: string, reason: string) => `The VHD ${source} cannot be read: ${reason}`,
  ),
  blobNotFound: row(
    404,
    'NotFound',
    'a blob URI that leads nowhere',
    (uri: string) => `The source blob ${uri} is not found.`,
    () => 'creationData.sourceUri',
  ),
  uriInvalid: row(
    400,
    'InvalidParameter',
    'a source URI that is none',
    (uri: string) => `The source blob uri '${uri}' is invalid. It must be an absolute https uri.`,
    () => 'creationData.sourceUri',
  ),
  hostNotAllowed: row(
    400,
    'InvalidParameter',
    'a VHD URI whose host is not on the list of allowed hosts',
    (host: string) =>
      `VHDs are fetched only from the storage accounts of this server and from hosts that its operator allows; '${host}' is not among them.`,
    () => 'creationData.sourceUri',
  ),
  accountMismatch: row(
    400,
    'InvalidParameter',
    'a storage account that is not the one in the URI',
    (account: string, uri: string) =>
      `The storage account '${account}' is not the one of the source blob ${uri}. Specify the id of the storage account that the blob is in.`,
    () => 'creationData.storageAccountId',
  ),
  fetchFailed: row(
    400,
    'SourceNotAccessible',
    'a VHD that could not be fetched',
    (uri: string, reason: string) => `The source blob ${uri} could not be read: ${reason}`,
  ),
} as const
