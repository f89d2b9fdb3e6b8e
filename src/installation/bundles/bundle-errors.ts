import { row } from '#arm/arm-error.ts'

/** Refusals of exports and imports of bundles. */
export const bundleError = {
  refused: row(
    400,
    'BundleRefused',
    'a bundle, a receipt or a key that is malformed, altered or wrongly signed',
    (what: string) => what,
  ),
  signerUnknown: row(
    403,
    'BundleSignerNotTrusted',
    'a bundle that is signed by a key that was not named with `bundle trust`',
    (publicKey: string) =>
      `The bundle is signed by ${publicKey}, which is not trusted here. Compare it with 'opengallery bundle key' of the installation that made it, then name it with 'opengallery bundle trust'.`,
  ),
  nothingChosen: row(
    404,
    'BundleEmpty',
    'an export that no version fits',
    (name: string) => `There is no version of ${name} in state Succeeded to be exported.`,
  ),
  nothingNew: row(
    404,
    'BundleEmpty',
    'an export since a receipt or a date when nothing was published after',
    () => 'Nothing was published since: there is nothing to export.',
  ),
  versionDiffers: row(
    409,
    'BundleConflict',
    'an import of a version that is there with other bytes',
    (path: string) => `The version ${path} is here already, with other bytes. Nothing was imported.`,
  ),
  baseMissing: row(
    409,
    'BundleBaseMissing',
    'an import of a bundle that counts on bytes which are not here',
    () =>
      'The bundle leaves out bytes that this installation was believed to have, and they are not here. Export it anew, without --since or since the last receipt of this installation.',
  ),
  imageMissing: row(
    404,
    'BundleImageMissing',
    'an image that is not there: its version was deleted while it was exported, or the bundle lacks it',
    (id: string) => `The image ${id} is not there. If its version was deleted meanwhile, begin the export anew.`,
  ),
  imageUnreadable: row(
    409,
    'BundleImageUnreadable',
    'an export of an image of which a chunk is damaged in every replica',
    (id: string) =>
      `The image ${id} can't be read: a chunk of it is damaged in every replica. Run 'opengallery verify'.`,
  ),
  regionUnusable: row(
    409,
    'BundleRegionUnusable',
    'an export or import while a region is away or full; repeated later, it goes on where it stopped',
    (what: string) => what,
  ),
  notRunning: row(
    409,
    'BundleImportEnded',
    'a part of an import that is not running any more',
    () => 'This import does not run any more. Begin it again: what has arrived is not sent twice.',
  ),
} as const
