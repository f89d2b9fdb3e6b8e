import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Tools } from '../measure.ts'
import type { Image } from './race.ts'
import { runCommand } from './run-command.ts'

const scripts = path.join(import.meta.dirname, '../images')
const cache = path.join(import.meta.dirname, '../../.cache/bench')

/** The images that a script of bench/images makes in a folder, made when they are not there yet. */
const made = async (tools: Tools, script: string, where: string, names: readonly string[]): Promise<Image[]> => {
  const folder = path.join(cache, where)
  const images = names.map(name => ({ name, file: path.join(folder, `${name}.raw`) }))
  if (images.some(({ file }) => !fs.existsSync(file))) {
    tools.say(`making ${names.join(', ')} in ${path.relative('.', folder)}, once`)
    await runCommand(['bash', path.join(scripts, `${script}.sh`), folder])
  }
  return images
}

/** Four versions of one disk: a first build, a small patch in place, a large one, and a build from scratch. */
export const versionImages = (tools: Tools): Promise<Image[]> => {
  const kind = tools.wishes.quick ? 'quick' : 'debian'
  return made(tools, kind, kind, ['v1', 'v2s', 'v2', 'v3'])
}

const pairs: Readonly<Record<string, string>> = {
  xfs: 'held-out',
  btrfs: 'held-out',
  ntfs: 'held-out',
  sector63: 'held-out',
  ubuntu: 'ubuntu',
}

/** Pairs of disks that nothing was tuned on. The ones that can't be made here are told and left out. */
export const heldOutImages = async (tools: Tools): Promise<Map<string, Image[]>> => {
  await made(tools, 'debian', 'debian', ['v1', 'v3']) // files of these fill most of them
  const found = new Map<string, Image[]>()
  for (const [kind, script] of Object.entries(pairs)) {
    try {
      found.set(kind, await made(tools, script, 'held-out', [`${kind}-1`, `${kind}-2`]))
    } catch (error) {
      tools.show(`${kind}: the images can't be made here (${(error as Error).message.split('\n')[0]})`)
    }
  }
  return found
}
