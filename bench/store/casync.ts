import * as path from 'node:path'
import type { Contestant } from './contestant.ts'
import { runCommand, timeCommand } from './run-command.ts'

/** casync 2 has one thread and rolls a hash over every byte: the chunks' size, the digest and the compression are its settings. */
const settings: readonly (readonly string[])[] = [
  [],
  ['--digest=sha256', '--compression=zstd'],
  ['--digest=sha256', '--compression=zstd', '--chunk-size=262144'],
]

export const casyncs = async (): Promise<Contestant[]> => {
  const version = (await runCommand(['casync', '--version'])).trim().replace(/^casync /, '')
  return settings.map(chosen => casync(version, chosen))
}

const casync = (version: string, chosen: readonly string[]): Contestant => {
  const call = (store: string, ...rest: string[]) => {
    const [verb = '', ...files] = rest
    return timeCommand(['casync', verb, ...chosen, `--store=${path.join(store, 'chunks.castr')}`, ...files])
  }
  const indexOf = (store: string, name: string) => path.join(store, `${name}.caibx`)
  return {
    name: ['casync', ...chosen].join(' '),
    program: 'casync',
    version,
    begin: async () => {},
    publish: (store, image, name) => call(store, 'make', indexOf(store, name), image),
    async restore(store, _image, name, folder) {
      const file = path.join(folder, 'image.raw')
      return { seconds: await call(store, 'extract', '--seed-output=no', indexOf(store, name), file), file }
    },
    async verify(store, names) {
      let seconds = 0
      for (const name of names) seconds += await call(store, 'digest', indexOf(store, name))
      return seconds
    },
  }
}
