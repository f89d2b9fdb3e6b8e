import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { fileSum } from '#data-plane/disks/file-sum.ts'
import { runTool } from './run-tool.ts'

/** A package as this machine's apt knows it. */
interface KnownPackage {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly depends: string
  readonly fileName: string
}

/** Names of one thing in different releases of Debian, the one that is there counts. */
export type PackageNames = readonly (string | readonly string[])[]

/** The wish can't be met with what this machine's apt knows. */
export class PackageMissing extends Error {
  override readonly name = 'PackageMissing'
}

/**
 * Debian packages of this machine's own release, unpacked below `cacheFolder`, by name. They come from where this machine's packages
 * come from, by the ordinary `apt-get download`, are checked against apt's signed lists, and kept for the next time. No root is needed.
 */
export const unpackPackages = async (
  names: PackageNames,
  { cacheFolder, signal }: { readonly cacheFolder: string; readonly signal?: AbortSignal | undefined },
): Promise<ReadonlyMap<string, string>> => {
  await fs.mkdir(cacheFolder, { recursive: true })
  const packages = await knownPackages(names, signal)
  const missing = []
  for (const wanted of packages) if (!(await isKept(wanted, cacheFolder))) missing.push(wanted)
  if (missing.length > 0) await download(missing, cacheFolder, signal)
  const unpacked = new Map<string, string>()
  for (const { name, fileName } of packages) {
    const place = path.join(cacheFolder, path.basename(fileName, '.deb'))
    if (!(await isThere(place))) await unpack(path.join(cacheFolder, fileName), place, signal)
    unpacked.set(name, place)
  }
  return unpacked
}

const isThere = (place: string): Promise<boolean> =>
  fs.access(place).then(
    () => true,
    () => false,
  )

/** The folder has its name only when all is in it. */
const unpack = async (file: string, place: string, signal: AbortSignal | undefined): Promise<void> => {
  const draft = await fs.mkdtemp(`${place}.`)
  try {
    await runTool('dpkg-deb', ['-x', file, draft], { signal })
    await fs.rename(draft, place)
  } catch (error) {
    await fs.rm(draft, { recursive: true, force: true })
    // Somebody else has unpacked the same package meanwhile.
    if (!(await isThere(place))) throw error
  }
}

/** What stands for a package that only names another: `linux-image-cloud-amd64` and the like. */
export const dependencyOf = async (name: string, form: RegExp, signal?: AbortSignal): Promise<string> => {
  const [known] = await knownPackages([name], signal)
  const found = known?.depends.split(/[,|]/).map(part => part.trim().split(' ', 1)[0] ?? '')
  const dependency = found?.find(name => form.test(name))
  if (dependency === undefined) throw new PackageMissing(`${name} depends on nothing of the form ${form.source}.`)
  return dependency
}

const knownPackages = async (
  names: PackageNames,
  signal: AbortSignal | undefined,
): Promise<readonly KnownPackage[]> => {
  const all = names.flat()
  // It complains of those that are not there; which of several names is, the answer tells.
  const answer = await runTool('apt-cache', ['show', '--no-all-versions', ...all], { signal }).catch(error => {
    if (error instanceof Error && error.name === 'ToolMissing') throw error
    return ''
  })
  const known = new Map(answer.split('\n\n').flatMap(stanza => packageOf(stanza)))
  return names.map(wish => {
    const found = [wish].flat().find(name => known.has(name))
    if (found === undefined)
      throw new PackageMissing(`apt knows no package ${[wish].flat().join(' or ')}. Try: sudo apt-get update`)
    return known.get(found) as KnownPackage
  })
}

const packageOf = (stanza: string): [string, KnownPackage][] => {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
  const [name, version, sha256] = [field('Package'), field('Version'), field('SHA256')]
  if (!/^[a-z0-9][a-z0-9.+-]+$/.test(name) || version === '') return []
  const fileName = `${name}_${version.replaceAll(':', '%3a')}_${field('Architecture')}.deb`
  return [[name, { name, version, sha256, depends: field('Depends'), fileName }]]
}

const isKept = async ({ fileName, sha256 }: KnownPackage, folder: string): Promise<boolean> => {
  const sum = await fileSum(path.join(folder, fileName)).catch(() => undefined)
  return sum !== undefined && sum === sha256
}

const download = async (wanted: readonly KnownPackage[], folder: string, signal: AbortSignal | undefined) => {
  // A part of a file, or another one of that name, would be taken for the package.
  for (const { fileName } of wanted) await fs.rm(path.join(folder, fileName), { force: true })
  const names = wanted.map(({ name, version }) => `${name}=${version}`)
  await runTool('apt-get', ['download', '-q', ...names], { folder, signal })
  for (const one of wanted)
    if (!(await isKept(one, folder))) throw new PackageMissing(`${one.fileName} did not arrive as apt's lists have it.`)
}
