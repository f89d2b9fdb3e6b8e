/** The four parts of an image's URN. Compared without regard to case, shown as they were written. */
export interface ImageName {
  readonly publisher: string
  readonly offer: string
  readonly sku: string
  /** `22.04.202511280`, or `latest` where one is asked for. */
  readonly version: string
}

/** Azure's form of each part of a URN. */
export const partForm = '^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$'
/** Three numbers; unlike a gallery's, with zeros in front where a publisher has them: `22.04.202511280`. */
export const versionForm = '^[0-9]{1,10}[.][0-9]{1,10}[.][0-9]{1,10}$'

/** `Canonical:ubuntu-24_04-lts:server:latest` */
export const urnOf = ({ publisher, offer, sku, version }: ImageName): string =>
  `${publisher}:${offer}:${sku}:${version}`

/** Reads a URN; without its last part it means the latest version. `undefined` for any other text. */
export const parseUrn = (text: string): ImageName | undefined => {
  const [publisher = '', offer = '', sku = '', version = 'latest', ...rest] = text.split(':')
  const isNamed = [publisher, offer, sku].every(part => new RegExp(partForm).test(part))
  const isVersion = /^latest$/i.test(version) || new RegExp(versionForm).test(version)
  return isNamed && isVersion && rest.length === 0 ? { publisher, offer, sku, version } : undefined
}

const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()

/** Whether both are versions of one SKU. */
export const isSameSku = (one: ImageName, other: ImageName): boolean =>
  same(one.publisher, other.publisher) && same(one.offer, other.offer) && same(one.sku, other.sku)

export const isSameImage = (one: ImageName, other: ImageName): boolean =>
  isSameSku(one, other) && same(one.version, other.version)

/** Older versions first: `1.0.9` comes before `1.0.10`. */
export const byVersion = (one: Pick<ImageName, 'version'>, other: Pick<ImageName, 'version'>): number => {
  const [left, right] = [numbersOf(one.version), numbersOf(other.version)]
  const at = left.findIndex((number, index) => number !== right[index])
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0)
}

const numbersOf = (version: string): number[] => version.split('.').map(Number)
