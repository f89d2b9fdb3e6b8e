import type { CatalogImage, UrlSource } from './catalog-image.ts'

const linux = { osType: 'Linux', architecture: 'x64' } as const

/** One file that boots by BIOS and by UEFI, under the SKU that Azure has for each. */
const bothGenerations = (
  name: Pick<CatalogImage, 'publisher' | 'offer' | 'version'>,
  skus: { readonly V1: string; readonly V2: string },
  aliases: { readonly V1?: readonly string[]; readonly V2?: readonly string[] },
  source: CatalogImage['source'],
): CatalogImage[] =>
  (['V2', 'V1'] as const).map(hyperVGeneration => ({
    ...name,
    ...linux,
    sku: skus[hyperVGeneration],
    hyperVGeneration,
    aliases: aliases[hyperVGeneration] ?? [],
    source,
  }))

/** What a vendor has at this place at the moment, and the list of sums that is beside it. */
const current = (folder: string, file: string, checksums: string): UrlSource => ({
  url: `https://${folder}/${file}`,
  checksums: `https://${folder}/${checksums}`,
  format: 'qcow2',
})

/**
 * The images that every catalogue begins with, under Azure's names. The vendors' ones change every few weeks and none of their bytes
 * is part of this program: `opengallery catalog fetch` gets what is there on that day and keeps its sum.
 */
export const shippedImages: readonly CatalogImage[] = [
  ...bothGenerations(
    { publisher: 'OpenGallery', offer: 'tiny', version: '1.0.0' },
    { V1: 'gen1', V2: 'gen2' },
    { V1: ['TinyGen1'], V2: ['Tiny'] },
    { build: 'tiny' },
  ),
  ...bothGenerations(
    { publisher: 'OpenGallery', offer: 'debian', version: '1.0.0' },
    { V1: 'gen1', V2: 'gen2' },
    { V1: ['DebianGen1'], V2: ['Debian'] },
    { build: 'debian' },
  ),
  ...bothGenerations(
    { publisher: 'Canonical', offer: '0001-com-ubuntu-server-jammy', version: '22.04.0' },
    { V1: '22_04-lts', V2: '22_04-lts-gen2' },
    { V2: ['Ubuntu2204', 'UbuntuLTS'] },
    current('cloud-images.ubuntu.com/jammy/current', 'jammy-server-cloudimg-amd64.img', 'SHA256SUMS'),
  ),
  ...bothGenerations(
    { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', version: '24.04.0' },
    { V1: 'server-gen1', V2: 'server' },
    { V2: ['Ubuntu2404'] },
    current('cloud-images.ubuntu.com/noble/current', 'noble-server-cloudimg-amd64.img', 'SHA256SUMS'),
  ),
  ...bothGenerations(
    { publisher: 'Debian', offer: 'debian-11', version: '11.0.0' },
    { V1: '11', V2: '11-backports-gen2' },
    { V2: ['Debian11'] },
    current('cloud.debian.org/images/cloud/bullseye/latest', 'debian-11-generic-amd64.qcow2', 'SHA512SUMS'),
  ),
  ...bothGenerations(
    { publisher: 'Debian', offer: 'debian-12', version: '12.0.0' },
    { V1: '12', V2: '12-gen2' },
    { V2: ['Debian12'] },
    current('cloud.debian.org/images/cloud/bookworm/latest', 'debian-12-generic-amd64.qcow2', 'SHA512SUMS'),
  ),
  ...bothGenerations(
    { publisher: 'Debian', offer: 'debian-13', version: '13.0.0' },
    { V1: '13', V2: '13-gen2' },
    { V2: ['Debian13'] },
    current('cloud.debian.org/images/cloud/trixie/latest', 'debian-13-generic-amd64.qcow2', 'SHA512SUMS'),
  ),
  ...bothGenerations(
    { publisher: 'almalinux', offer: 'almalinux-x86_64', version: '9.0.0' },
    { V1: '9-gen1', V2: '9-gen2' },
    { V2: ['AlmaLinux9'] },
    current(
      'repo.almalinux.org/almalinux/9/cloud/x86_64/images',
      'AlmaLinux-9-GenericCloud-latest.x86_64.qcow2',
      'CHECKSUM',
    ),
  ),
  ...bothGenerations(
    { publisher: 'Fedora', offer: 'fedora-cloud', version: '42.0.0' },
    { V1: '42', V2: '42-gen2' },
    { V2: ['Fedora42'] },
    current(
      'dl.fedoraproject.org/pub/fedora/linux/releases/42/Cloud/x86_64/images',
      'Fedora-Cloud-Base-Generic-42-1.1.x86_64.qcow2',
      'Fedora-Cloud-42-1.1-x86_64-CHECKSUM',
    ),
  ),
]
