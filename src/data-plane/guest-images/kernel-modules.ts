import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { PackageMissing } from './debian-packages.ts'
import type { StagedTree } from './staged-tree.ts'

/** Drivers of a kernel by name, each behind those that it needs: the order in which `insmod` takes them. */
export const modulesInOrder = async (
  folder: string,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> => {
  const files = await fs.readdir(folder, { recursive: true })
  const places = new Map(files.filter(file => file.endsWith('.ko')).map(file => [nameOf(file), file]))
  const ordered = new Map<string, Buffer>()
  const add = async (name: string) => {
    const place = places.get(name)
    if (ordered.has(name) || place === undefined) return // what is no module is built in
    const bytes = await fs.readFile(path.join(folder, place))
    for (const needed of dependenciesOf(bytes)) await add(needed)
    ordered.set(name, bytes)
  }
  for (const name of wanted) await add(name)
  return ordered
}

/** A module has a `-` in its file's name where others call it with a `_`. */
const nameOf = (file: string): string => path.basename(file, '.ko').replaceAll('-', '_')

/** What the module says of itself: `depends=virtio,virtio_ring`. */
const dependenciesOf = (module: Buffer): string[] => {
  const [, list = ''] = /\0depends=([\w,-]*)\0/.exec(module.toString('latin1')) ?? []
  return list.split(',').flatMap(name => (name === '' ? [] : [name.replaceAll('-', '_')]))
}

/** Puts modules and the order of them into a tree. */
export const placeModules = (tree: StagedTree, folder: string, modules: ReadonlyMap<string, Buffer>): void => {
  for (const [name, bytes] of modules) tree.file(`${folder}/${name}.ko`, bytes)
  tree.file(`${folder}/order`, [...modules.keys()].map(name => `${name}\n`).join(''))
}

/** What a kernel package has, unpacked. */
export interface Kernel {
  readonly image: string
  readonly release: string
  readonly modules: string
}

export const kernelOf = async (unpacked: string): Promise<Kernel> => {
  for (const folder of ['lib/modules', 'usr/lib/modules']) {
    const [release] = await fs.readdir(path.join(unpacked, folder)).catch(() => [])
    if (release === undefined) continue
    const modules = path.join(unpacked, folder, release)
    return { image: path.join(unpacked, 'boot', `vmlinuz-${release}`), release, modules }
  }
  throw new PackageMissing('The kernel package has no modules.')
}
