import { row } from '#arm/arm-error.ts'

const regionsPath = 'galleryImageVersion.properties.publishingProfile.targetRegions'
const storagePath = 'galleryImageVersion.properties.storageProfile'

/** Refusals of image versions. Sentences are Azure's, from its troubleshooting guide and its users' reports. */
export const versionError = {
  nameInvalid: row(
    400,
    'InvalidParameter',
    'a version name that is not three numbers',
    () =>
      'The image version name is invalid. The image version name should follow Major(int).Minor(int).Patch(int) format, for e.g: 1.0.0, 2018.12.1 etc.',
    () => 'galleryImageVersionName',
  ),
  endOfLifePast: row(
    400,
    'InvalidParameter',
    'an end of life that has passed',
    () => 'EndOfLifeDate must be set to a future date.',
    () => 'galleryImageVersion.properties.publishingProfile.endOfLifeDate',
  ),
  locationNotAmongRegions: row(
    400,
    'InvalidParameter',
    'target regions without the location of the version',
    (regions: readonly string[], location: string) =>
      `Gallery image version publishing profile regions '${regions.join(', ')}' must contain the location of image version '${location}'.`,
    () => regionsPath,
  ),
  duplicateRegions: row(
    400,
    'InvalidParameter',
    'a region twice, in whatever spelling',
    () => 'Duplicate regions are not allowed in target publishing regions.',
    () => regionsPath,
  ),
  replicasOutOfRange: row(
    400,
    'InvalidParameter',
    'a replica count below 1 or above 100',
    (count: number, path: string) =>
      `The value ${count} of parameter 'galleryArtifactVersion.properties.publishingProfile.${path}' is out of range. The value must be between 1 and 100, inclusive.`,
    (_count, path) => `galleryArtifactVersion.properties.publishingProfile.${path}`,
  ),
  tooManyReplicas: row(
    400,
    'InvalidParameter',
    'more than 100 replicas in all regions together',
    (count: number) =>
      `The target regions ask for ${count} replicas of the gallery image version. A version can have at most 100 replicas in all regions together.`,
    () => regionsPath,
  ),
  storageTypeMismatch: row(
    400,
    'InvalidParameter',
    'another storage account type for a region that the version is in',
    (region: string, existing: string) =>
      `Global storage account type does not match the storage account type in the existing TargetRegion: '${region}'. Please specify '${existing}' as the storage account type for this region.`,
    () => regionsPath,
  ),
  typeAndStrategy: row(
    400,
    'InvalidParameter',
    'a storage account type and a strategy to choose one',
    () => 'The storageAccountType cannot be specified along with storageAccountStrategy.',
    () => 'galleryImageVersion.properties.publishingProfile.storageAccountStrategy',
  ),
  regionsIncomplete: row(
    400,
    'BadRequest',
    'a region left out while the safety profile protects replicated regions',
    (version: string) =>
      `Complete set of target locations not specified while updating gallery artifact '${version}' and type 'GalleryImageVersion'. Deletion of previously replicated locations is not allowed, and you need to specify a complete set of target locations in the update request or specify null or empty set for target regions in the update request or set allow deletion of replicated locations under safety profile property. To figure out complete set of target locations, you can perform a get first on gallery artifact`,
    () => regionsPath,
  ),
  shallowRegions: row(
    400,
    'InvalidParameter',
    'more than one replica of a shallow version',
    (location: string) =>
      `A gallery image version whose replicationMode is 'Shallow' has one replica in its location '${location}' and in no other region.`,
    () => regionsPath,
  ),
  sourceNotFound: row(
    404,
    'InvalidParameter',
    'a source that is not there',
    (source: string) => `Source was not found: ${source}. Please make sure the source exists.`,
    () => storagePath,
  ),
  sourceElsewhere: row(
    400,
    'InvalidParameter',
    'a source in another region',
    (source: string) =>
      `Source ${source} is not found. Please check source exists, and is in the same region as gallery image version being created.`,
    () => storagePath,
  ),
  sourceNotReady: row(
    409,
    'OperationNotAllowed',
    'a source without complete bytes: an upload that has not ended, or a failed creation',
    (source: string, state: string) =>
      `The source '${source}' cannot be used in its state '${state}'. Wait until it is complete, and end the upload access first.`,
  ),
  oneSource: row(
    400,
    'InvalidParameter',
    'no source, or sources of two kinds',
    (seen: readonly string[]) =>
      `The gallery artifact version source can only be specified either directly under storageProfile or within individual OS or data disks. One and only one source type (user image, snapshot, disk, virtual machine) can be provided. Seen in the request: ${seen.length === 0 ? 'none' : seen.join(', ')}.`,
    () => storagePath,
  ),
  sourceKind: row(
    400,
    'InvalidParameter',
    'a source.id that names another kind of thing',
    (id: string) =>
      `The source id: ${id} must either be a managed image, virtual machine or another gallery image version.`,
    () => `${storagePath}.source.id`,
  ),
  diskSourceKind: row(
    400,
    'InvalidParameter',
    'a disk source that names another kind of thing',
    (id: string) => `The source id: ${id} must be a managed disk or snapshot.`,
    () => storagePath,
  ),
  duplicateLuns: row(
    400,
    'InvalidParameter',
    'a lun twice',
    () =>
      'Duplicated lun numbers have been detected in the input data disks. Lun number must be unique for each data disk.',
    () => `${storagePath}.dataDiskImages`,
  ),
  duplicateSources: row(
    400,
    'InvalidParameter',
    'a disk source twice',
    () => 'Duplicated source ids are found in the input disks. Source id should be unique for each disk.',
    () => storagePath,
  ),
  sameBlob: row(
    400,
    'InvalidParameter',
    'one blob as OS disk and data disk',
    (uri: string) => `OSDiskImage and DataDiskImage cannot point to same blob ${uri}`,
    () => storagePath,
  ),
  newDataDisk: row(
    409,
    'PropertyChangeNotAllowed',
    'a data disk added or moved by an update',
    () => 'Adding new Data Disks or changing the LUN of a Data Disk in an existing Image is not allowed.',
    () => `${storagePath}.dataDiskImages`,
  ),
  osStateMismatch: row(
    400,
    'InvalidParameter',
    'a generalized source for a specialized definition, or the reverse',
    (id: string, definition: string, source: string) =>
      `Cannot create Gallery Image Version from: ${id} since the OS State in the parent gallery image ('${definition}') is not '${source}'.`,
  ),
  generationMismatch: row(
    400,
    'InvalidParameter',
    'a source of another generation',
    (id: string, source: string, definition: string) =>
      `The resource with id '${id}' has a different Hypervisor generation ['${source}'] than the parent gallery image Hypervisor generation ['${definition}']`,
  ),
  osTypeMismatch: row(
    400,
    'InvalidParameter',
    'a source with another operating system',
    (id: string, source: string, definition: string) =>
      `The resource with id '${id}' has a different OS type ['${source}'] than the parent gallery image OS type generation ['${definition}']`,
  ),
  planMismatch: row(
    400,
    'InvalidParameter',
    'a source with another purchase plan',
    (id: string, source: string, definition: string) =>
      `The resource with id ${id} has a different plan ['${source}'] than the parent gallery image plan ['${definition}']`,
  ),
  uriInvalid: row(
    400,
    'InvalidParameter',
    'a source uri that is none',
    (uri: string, path: string) => `Source uri: '${uri}' at path '${path}' must be an absolute uri.`,
    (_uri, path) => path,
  ),
  storageAccountMissing: row(
    400,
    'InvalidParameter',
    'a VHD without the storage account that it is in',
    (path: string) =>
      `Required parameter '${path}' is missing (null). It is the id of the storage account that holds the blob of 'uri'.`,
    path => path,
  ),
  storageAccountMismatch: row(
    400,
    'InvalidParameter',
    'a storage account that is not the one in the uri',
    (id: string, uri: string) => `The storage account '${id}' is not the one that holds the blob ${uri}.`,
  ),
  hostNotAllowed: row(
    400,
    'InvalidParameter',
    'a VHD on a host from which nothing may be fetched',
    (host: string) =>
      `VHDs are fetched only from the storage accounts of this server and from hosts that its operator allows; '${host}' is not among them.`,
  ),
  encryptionSetElsewhere: row(
    400,
    'InvalidParameter',
    'a disk encryption set of another subscription',
    (set: string, subscription: string) =>
      `The disk encryption set '${set}' must be in the same subscription '${subscription}' as the gallery resource.`,
  ),
  encryptionSetNotFound: row(
    404,
    'NotFound',
    'a disk encryption set that is not there',
    (set: string) => `The disk encryption set ${set} was not found.`,
  ),
  encryptionSetMissing: row(
    400,
    'InvalidParameter',
    'a disk that is encrypted in one region and not in another',
    (disk: string, region: string, set: string, other: string) =>
      `A disk encryption set is required for disk '${disk}' in target region '${region}' since disk encryption set '${set}' is used for the corresponding disk in region '${other}'.`,
    () => regionsPath,
  ),
  encryptionLunUnknown: row(
    400,
    'InvalidParameter',
    'encryption of a data disk that is not there',
    (lun: number, luns: readonly number[]) =>
      `An invalid lun [${lun}] was specified in encryption.dataDiskImages. The lun must be one of the following values ['${luns.join(',')}'].`,
    () => regionsPath,
  ),
  encryptionLunTwice: row(
    400,
    'InvalidParameter',
    'encryption of one data disk twice',
    (lun: number, region: string) =>
      `Duplicate luns '${lun}' were specified in target region '${region}' encryption.dataDiskImages.`,
    () => regionsPath,
  ),
  encryptionSetAdded: row(
    409,
    'PropertyChangeNotAllowed',
    'encryption added by an update',
    (region: string) =>
      `Cannot specify encryption in region [${region}] for update gallery image version request: the version was created without.`,
    () => regionsPath,
  ),
  encryptionSetMalformed: row(
    400,
    'InvalidParameter',
    'the id of a disk encryption set that is none',
    (disk: string) =>
      `The value of parameter galleryArtifactVersion.properties.publishingProfile.targetRegions.encryption.${disk}.diskEncryptionSetId is invalid.`,
    disk => `galleryArtifactVersion.properties.publishingProfile.targetRegions.encryption.${disk}.diskEncryptionSetId`,
  ),
  blockedBeforeEndOfLife: row(
    409,
    'DeleteGalleryImageVersionBlockedBeforeEndOfLife',
    'a delete that blockDeletionBeforeEndOfLife forbids',
    () =>
      'Deletion of Gallery image version is not allowed because the image is enabled for blockDeletionBeforeEndOfLife and its endOfLifeDate has not reached yet',
  ),
  softDeleted: row(
    409,
    'Conflict',
    'the name of a soft-deleted version',
    (name: string, until: string) =>
      `Gallery image version '${name}' is soft-deleted and its name stays in use until ${until}. Restore it with 'restore': true, or choose another version.`,
  ),
  notSoftDeleted: row(
    404,
    'ResourceNotFound',
    'a restore of what is not soft-deleted',
    (name: string) => `There is no soft-deleted gallery image version '${name}' that could be restored.`,
  ),
  restoreAlone: row(
    400,
    'InvalidParameter',
    'a restore that would change the version as well',
    (member: string) =>
      `Parameter 'galleryImageVersion.properties.${member}' is not allowed with 'restore'. Restore the version, then update it.`,
    member => `galleryImageVersion.properties.${member}`,
  ),
  replicationFailed: row(
    400,
    'GalleryReplicationFailed',
    'an operation that failed in one or more regions',
    (regions: readonly { region: string; detail: string }[]) =>
      `Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: '${regions
        .map(({ region, detail }) => `{region:${region}, detail:${detail}}`)
        .join(
          ', ',
        )}'. If retry does not work, then please do an update by removing the failed regions and update again by adding them back.`,
  ),
  sourceTooLarge: row(
    400,
    'GallerySourceResourceExceedsMaxSize',
    'an operation that failed: a disk beyond 2048 GB, or 32 TB with Shallow',
    (sizeGB: number, limitGB: number) =>
      `Replication failed in this region due to 'The GalleryImageVersion source resource size ${sizeGB} exceeds the max size ${limitGB} supported.'`,
  ),
  signatureBroken: row(
    409,
    'ImageVersionSignatureInvalid',
    'a use of a version whose signature does not fit it, or is of no key of this installation',
    (id: string) =>
      `The image version '${id}' is not what was signed when it was published, or its signature is of no key of this installation. Its bytes are not used. Publish it again, or put back the keys of the installation.`,
  ),
  notSigned: row(
    409,
    'ImageVersionNotSigned',
    'a use of a version without a signature, where one is required',
    (id: string) =>
      `The image version '${id}' carries no signature, and this server takes signed versions only (--require-signed).`,
  ),
  reported: row(
    403,
    'GalleryImageVersionReported',
    'use of a version that is reported for a policy violation',
    (id: string, violations: readonly { readonly category: string; readonly details?: string }[]) =>
      `The gallery image version '${id}' is reported for a policy violation (${violations.map(({ category, details }) => (details ? `${category}: ${details}` : category)).join('; ')}). Nothing new can be made of it. Choose another version, or ask the publisher.`,
    () => 'imageReference',
  ),
} as const
