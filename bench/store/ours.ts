import * as path from 'node:path'
import type { Contestant } from './contestant.ts'
import type { Peaks } from './our-step.ts'

/** The promises are ours with whatever kernel is built; beside it runs the one that every machine has. */
export const ourName = 'opengallery'
export const scriptName = 'opengallery, JavaScript only'

/** Our store as a contestant: seconds inside of a started process, as a gallery's server is one. */
export const ours = (peaks: Peaks, name = ourName, labelOf = (version: string) => `publish-${version}`): Contestant => {
  const folderOf = (store: string) => path.join(store, 'store')
  return {
    name,
    program: ourName,
    version: 'this one',
    begin: async () => {},
    publish: async (store, image, version) =>
      (await peaks.step(labelOf(version), 'publish', folderOf(store), image, version)).seconds,
    async restore(store, _image, name, folder) {
      const file = path.join(folder, 'image.raw')
      return { seconds: (await peaks.step('restore', 'restore', folderOf(store), name, file)).seconds, file }
    },
    verify: async store => (await peaks.step('verify', 'verify', folderOf(store))).seconds,
  }
}
