import { row } from '#arm/arm-error.ts'

/** Refusals of platform images. */
export const platformImageError = {
  notFound: row(
    404,
    'PlatformImageNotFound',
    'an image reference that names no platform image',
    (urn: string) =>
      `The platform image '${urn}' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile.`,
    () => 'imageReference',
  ),
  notHere: row(
    409,
    'PlatformImageNotFetched',
    'a platform image of the catalogue whose bytes are not on the server',
    (urn: string, command: string) =>
      `The platform image '${urn}' is in the catalogue, but its bytes are not on this server. Its operator gets them there with: ${command}`,
    () => 'imageReference',
  ),
  unreadable: row(
    409,
    'PlatformImageUnusable',
    'a platform image whose file is damaged, hostile or not the one that was put into the catalogue',
    (urn: string, reason: string) => `The platform image '${urn}' cannot be used: ${reason}`,
    () => 'imageReference',
  ),
  artifactNotFound: row(
    404,
    'NotFound',
    'publishers, offers, SKUs or versions of what is not there',
    () => 'Artifact: VMImage was not found.',
  ),
} as const
