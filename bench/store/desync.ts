import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Contestant } from './contestant.ts'
import { runCommand, timeCommand } from './run-command.ts'

/** desync cuts as casync does, on all cores: goroutines, the chunks' size and the digest are its settings. */
const settings: readonly (readonly string[])[] = [
  [],
  ['--digest', 'sha256'],
  ['--digest', 'sha256', '--chunk-size', '64:256:1024'],
]

export const desyncs = async (): Promise<Contestant[]> => {
  const version = await versionOf()
  return settings.map(chosen => desync(version, chosen))
}

/** Its commands do not tell; the module's version is in the executable. */
const versionOf = async (): Promise<string> => {
  const where = (await runCommand(['sh', '-c', 'command -v desync'])).trim()
  const told = await runCommand(['go', 'version', '-m', where]).catch(() => '')
  return /^\s*mod\s+\S+\s+v?(\S+)/m.exec(told)?.[1] ?? 'of unknown version'
}

const desync = (version: string, chosen: readonly string[]): Contestant => {
  // Only `make` knows the chunks' size; both ends must agree on the digest.
  const digest = chosen.slice(0, 2)
  const chunks = (store: string) => ['--store', path.join(store, 'chunks')]
  const indexOf = (store: string, name: string) => path.join(store, `${name}.caibx`)
  return {
    name: ['desync', ...chosen].join(' '),
    program: 'desync',
    version,
    begin: async store => void (await fs.mkdir(path.join(store, 'chunks'))),
    publish: (store, image, name) =>
      timeCommand(['desync', 'make', ...chosen, ...chunks(store), indexOf(store, name), image]),
    async restore(store, _image, name, folder) {
      const file = path.join(folder, 'image.raw')
      return {
        seconds: await timeCommand(['desync', 'extract', ...digest, ...chunks(store), indexOf(store, name), file]),
        file,
      }
    },
    verify: store => timeCommand(['desync', 'verify', ...digest, ...chunks(store)]),
  }
}
