/** What `mmdebstrap` is told. */
export interface DebianWish {
  /** The code name of a release of Debian. */
  readonly suite: string
  /** Lines as in `sources.list`. */
  readonly sources: readonly string[]
  /** The archive that is written. */
  readonly archive: string
}

export const rootLabel = 'debianroot'

const packages = [
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'zstd', 'kmod', 'udev', 'e2fsprogs', 'fdisk'],
  ...['systemd', 'systemd-sysv', 'dbus', 'libpam-systemd', 'systemd-resolved'],
  // Renders what cloud-init finds in the metadata; the lease before that is got by dhclient.
  ...['netplan.io', 'isc-dhcp-client', 'iproute2', 'netbase', 'ca-certificates'],
  ...['cloud-init', 'cloud-guest-utils', 'waagent', 'qemu-guest-agent', 'openssh-server', 'sudo'],
  ...['procps', 'less', 'nano', 'curl'],
] as const

/** Of each package its licence stays. */
const leftOut = ['man/*', 'info/*', 'locale/*', 'doc/*']

/**
 * What is done in the new system before it is archived. The kernel stays as it is, because machines boot from a copy outside of the root file
 * system: it is held, so that an upgrade does not seem to have changed it.
 */
const hooks = [
  'chroot "$1" apt-mark hold linux-image-cloud-amd64',
  // They would wait for mirrors that a guest does not reach.
  'chroot "$1" systemctl disable apt-daily.timer apt-daily-upgrade.timer',
]

/** The arguments of `mmdebstrap` for a Debian that is provisioned like a machine on Azure. */
export const debianArguments = ({ suite, sources, archive }: DebianWish): readonly string[] => [
  '--variant=minbase',
  '--format=tar',
  '--architectures=amd64',
  `--include=${packages.join(',')}`,
  ...leftOut.map(place => `--dpkgopt=path-exclude=/usr/share/${place}`),
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  '--aptopt=APT::Install-Recommends "false"',
  ...hooks.map(hook => `--customize-hook=${hook}`),
  suite,
  archive,
  ...sources,
]
