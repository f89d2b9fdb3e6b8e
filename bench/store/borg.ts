import * as path from 'node:path'
import type { Contestant } from './contestant.ts'
import { runCommand, timeCommand } from './run-command.ts'

/** borg has one thread. Chunks of a fixed size spare it the rolling hash; `--sparse` lets it skip holes, but only with those. */
const settings: readonly (readonly string[])[] = [
  [],
  ['--compression', 'zstd,1'],
  ['--compression', 'zstd,1', '--chunker-params', 'fixed,262144', '--sparse'],
  ['--compression', 'lz4', '--chunker-params', 'fixed,262144', '--sparse'],
  ['--compression', 'zstd,1', '--chunker-params', 'fixed,65536', '--sparse'],
]

export const borgs = async (): Promise<Contestant[]> => {
  const version = (await runCommand(['borg', '--version'])).trim().replace(/^borg /, '')
  return settings.map(chosen => borg(version, chosen))
}

const borg = (version: string, chosen: readonly string[]): Contestant => {
  const call = (store: string, argv: readonly string[], cwd = store) =>
    timeCommand(['borg', ...argv], { cwd, env: { BORG_BASE_DIR: `${store}.base`, ...answers } })
  return {
    name: ['borg', ...chosen].join(' '),
    program: 'borg',
    version,
    begin: async store => void (await call(store, ['init', '-e', 'none', store])),
    publish: (store, image, name) => call(store, ['create', ...chosen, `${store}::${name}`, image]),
    async restore(store, image, name, folder) {
      const seconds = await call(store, ['extract', '--sparse', `${store}::${name}`], folder)
      return { seconds, file: path.join(folder, image) }
    },
    verify: store => call(store, ['check', '--verify-data', store]),
  }
}

const answers = {
  BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
  BORG_RELOCATED_REPO_ACCESS_IS_OK: 'yes',
}
