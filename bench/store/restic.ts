import * as path from 'node:path'
import type { Contestant } from './contestant.ts'
import { runCommand, timeCommand } from './run-command.ts'

/** restic encrypts whatever it stores, and cuts chunks of about 1 MiB that can't be chosen. It uses all cores by itself. */
const settings: readonly (readonly string[])[] = [
  [],
  ['--compression', 'off'],
  ['--compression', 'auto', '--pack-size', '64'],
  ['--compression', 'max'],
]

export const restics = async (): Promise<Contestant[]> => {
  const version = /restic (\S+)/.exec(await runCommand(['restic', 'version']))?.[1] ?? 'of unknown version'
  return settings.map(chosen => restic(version, chosen))
}

const restic = (version: string, chosen: readonly string[]): Contestant => {
  // The cache lies beside the repository, so that it does not count as stored.
  const envOf = (store: string) => ({ RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: `${store}.cache` })
  const call = (store: string, ...rest: string[]) =>
    timeCommand(['restic', '-q', '-r', store, ...rest], { env: envOf(store) })
  return {
    name: ['restic', ...chosen].join(' '),
    program: 'restic',
    version,
    begin: async store => void (await call(store, 'init', '--repository-version', '2')),
    publish: (store, image, name) => call(store, 'backup', ...chosen, '--tag', name, image),
    async restore(store, image, name, folder) {
      const seconds = await call(store, 'restore', 'latest', '--tag', name, '--target', folder)
      return { seconds, file: path.join(folder, image) }
    },
    verify: store => call(store, 'check', '--read-data'),
  }
}
