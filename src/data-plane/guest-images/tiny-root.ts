import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { PackageMissing, type PackageNames } from './debian-packages.ts'
import { type Kernel, modulesInOrder, placeModules } from './kernel-modules.ts'
import { runTool } from './run-tool.ts'
import { librariesOf } from './shared-libraries.ts'
import { StagedTree } from './staged-tree.ts'

const programPackages = [
  'busybox-static',
  'busybox',
  'dropbear-bin',
  'openssh-sftp-server',
  'sudo',
  'bash',
  'qemu-guest-agent',
  'e2fsprogs',
]
const libraryPackages: PackageNames = [
  'libc6',
  ['libcrypt1', 'libcrypt1t64'],
  'zlib1g',
  'libtomcrypt1',
  'libtommath1',
  'libgmp10',
  ['libpam0g', 'libpam0t64'],
  'libpam-modules',
  ['libaudit1', 'libaudit1t64'],
  'libcap-ng0',
  'libselinux1',
  'libpcre2-8-0',
  'libtinfo6',
  ['libglib2.0-0t64', 'libglib2.0-0'],
  ['libnuma1', 'libnuma1t64'],
  'libudev1',
  'liburing2',
  ['libext2fs2t64', 'libext2fs2'],
  ['libcom-err2', 'libcom-err2t64'],
  'libblkid1',
  'libuuid1',
]

/** What the root file system is made of. */
export const tinyRootPackages: PackageNames = [...programPackages, ...libraryPackages]

/** Where each program lies in its package, and under which further names it is called. */
const programs: readonly {
  readonly from: string
  readonly place: string
  readonly mode?: number
  readonly names?: readonly string[]
}[] = [
  { from: 'dropbear-bin', place: 'usr/sbin/dropbear' },
  { from: 'dropbear-bin', place: 'usr/bin/dropbearkey' },
  { from: 'openssh-sftp-server', place: 'usr/lib/openssh/sftp-server', names: ['/usr/lib/sftp-server'] },
  { from: 'sudo', place: 'usr/bin/sudo', mode: 0o4755 },
  { from: 'bash', place: 'bin/bash|usr/bin/bash' },
  { from: 'qemu-guest-agent', place: 'usr/sbin/qemu-ga' },
  { from: 'e2fsprogs', place: 'sbin/resize2fs|usr/sbin/resize2fs' },
  { from: 'e2fsprogs', place: 'sbin/mke2fs|usr/sbin/mke2fs', names: ['/sbin/mkfs.ext4'] },
]

/** What the kernel needs to reach its disks; virtual machines of ours have no others. */
export const bootModules = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod']
const laterModules = ['virtio_net', 'virtio_console', 'virtio_rng', 'sr_mod', 'nls_utf8', 'isofs', 'button', 'evdev']

/** The root file system: Debian's programs with the libraries that they need, drivers, and the image's own scripts. */
export const tinyRoot = async (
  packages: ReadonlyMap<string, string>,
  kernel: Kernel,
  signal: AbortSignal | undefined,
): Promise<StagedTree> => {
  const tree = new StagedTree()
  for (const folder of [
    '/dev',
    '/proc',
    '/sys',
    '/run',
    '/mnt',
    '/home',
    '/var/log',
    '/usr/local/bin',
    '/etc/dropbear',
  ])
    tree.folder(folder)
  tree.folder('/root', 0o700)
  tree.link('/bin/ip', '/bin/busybox') // where Debian has it: on everybody's path
  for (const folder of ['/tmp', '/var/tmp']) tree.folder(folder, 0o1777)
  await placePrograms(tree, packages)
  placeModules(
    tree,
    `/lib/modules/${kernel.release}`,
    await modulesInOrder(kernel.modules, [...bootModules, ...laterModules]),
  )
  await placeOwnFiles(tree)
  // Its shell runs its own commands before those on the path, so the fuller one is only for what this one lacks.
  await placeApplets(tree, path.join(packages.get('busybox') ?? '', 'bin/busybox'), '/bin/busybox', 0o755, signal)
  await placeApplets(
    tree,
    path.join(packages.get('busybox-static') ?? '', 'bin/busybox'),
    '/bin/busybox-static',
    0o4755,
    signal,
  ) // `su` and `passwd` need root's rights
  return tree
}

/** A busybox, and a link for each of its commands that is not there yet. */
const placeApplets = async (
  tree: StagedTree,
  busybox: string,
  place: string,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<void> => {
  await tree.copy(busybox, place, mode)
  for (const applet of (await runTool(busybox, ['--list-full'], { signal })).trim().split('\n')) {
    const name = path.basename(applet)
    const isThere = ['/bin', '/sbin', '/usr/bin', '/usr/sbin'].some(folder => tree.has(`${folder}/${name}`))
    if (!isThere && name !== 'linuxrc') tree.link(`/${applet}`, place)
  }
}

const placePrograms = async (tree: StagedTree, packages: ReadonlyMap<string, string>): Promise<void> => {
  const files: string[] = [path.join(packages.get('busybox') ?? '', 'bin/busybox')]
  for (const { from, place, mode = 0o755, names = [] } of programs) {
    const candidates = place.split('|').map(place => path.join(packages.get(from) ?? '', place))
    const file = await firstThere(candidates)
    const target = `/${place.split('|')[0]}`
    await tree.copy(file, target, mode)
    for (const name of names) tree.link(name, target)
    files.push(file)
  }
  // Opened by name at run time: sudo's policy, and PAM's module that lets everybody pass whom sudoers lets pass.
  const sudoFolder = await firstThere(
    ['usr/libexec/sudo', 'usr/lib/sudo'].map(place => path.join(packages.get('sudo') ?? '', place)),
  )
  for (const name of await fs.readdir(sudoFolder)) {
    if (!name.endsWith('.so') && !name.includes('.so.')) continue
    await tree.copy(path.join(sudoFolder, name), `/${path.relative(packages.get('sudo') ?? '', sudoFolder)}/${name}`)
    files.push(path.join(sudoFolder, name))
  }
  const pam = await firstThere(
    ['lib', 'usr/lib'].map(place =>
      path.join(packages.get('libpam-modules') ?? '', place, 'x86_64-linux-gnu/security/pam_permit.so'),
    ),
  )
  await tree.copy(pam, '/lib/x86_64-linux-gnu/security/pam_permit.so')
  files.push(pam)
  const libraries = await librariesOf(files, packages.values())
  for (const [name, file] of libraries)
    await tree.copy(file, name.startsWith('ld-linux') ? `/lib64/${name}` : `/lib/x86_64-linux-gnu/${name}`, 0o755)
}

const firstThere = async (candidates: readonly string[]): Promise<string> => {
  for (const candidate of candidates)
    if (
      await fs.access(candidate).then(
        () => true,
        () => false,
      )
    )
      return candidate
  throw new PackageMissing(`A package lacks ${path.basename(candidates[0] ?? '')}.`)
}

const privateFiles = new Set(['/etc/shadow', '/etc/sudoers'])

/** The image's own files lie beside this one as they lie in the image. */
const placeOwnFiles = async (tree: StagedTree): Promise<void> => {
  const folder = path.join(import.meta.dirname, 'tiny/rootfs')
  const names = await fs.readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of names) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const place = `/${path.relative(folder, file).split(path.sep).join('/')}`
    const content = await fs.readFile(file, 'utf8')
    tree.file(place, content, content.startsWith('#!') ? 0o755 : privateFiles.has(place) ? 0o600 : 0o644)
  }
}
