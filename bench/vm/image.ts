import * as fs from 'node:fs/promises'
import type { RunningServer } from '../../test/scenarios/running-server.ts'
import { opengallery } from '../command.ts'

/** Bytes of a file that are no holes. */
export const dataBytesOf = async (file: string): Promise<number> => (await fs.stat(file)).blocks * 512

/** Publishes a raw disk as a version of a definition of its own, and tells the version's id. */
export const publishImage = async (
  server: RunningServer,
  { file, name, generation, region }: { file: string; name: string; generation: 'V1' | 'V2'; region: string },
): Promise<string> => {
  const args = ['--definition', name, '--hyper-v-generation', generation, '--regions', region, '--version', '1.0.0']
  await opengallery(server, ['publish', file, ...args])
  const group = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/images`
  return `${group}/providers/Microsoft.Compute/galleries/gallery/images/${name}/versions/1.0.0`
}
