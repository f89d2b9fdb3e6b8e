import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { median, type Row } from '../measure.ts'
import { versionImages } from './images.ts'
import type { Given } from './part.ts'
import { startFileServer, startRelay, startRemoteRegion } from './remote-region.ts'
import { bytesIn, fillMemory, isInstalled, quietly, runCommand, searchPath, timeCommand } from './run-command.ts'

/** A version travels to an empty region over HTTPS, beside curl with as many bytes; then a patched one, of which every byte is counted. */
export const replicate = async (given: Given): Promise<Row[]> => {
  const { tools, peaks, runs } = given
  const store = path.join(tools.folder, 'gallery')
  for (const { name, file } of (await versionImages(tools)).slice(0, 2))
    await peaks.step(`publish-${name}`, 'publish', store, file, name)
  const hasCurl = await isInstalled('curl', searchPath)
  const [ours, curls]: [number[], number[]] = [[], []]
  let patch: Row | undefined
  for (let run = 0; run < runs; run++) {
    const folder = path.join(tools.folder, 'region')
    if (!tools.wishes.quick) await fillMemory(tools.folder)
    const region = await startRemoteRegion(folder)
    const access = path.join(folder, 'access.json')
    const send = (port: number, version: string, ...how: string[]) =>
      peaks.step('replicate', 'replicate', store, version, String(port), access, ...how)
    const { seconds, warmBytes = 0 } = await quietly(() => send(region.port, 'v1', 'warmed'))
    ours.push(seconds)
    const cold = await bytesIn(path.join(folder, 'data'))
    patch ??= await countedPatch(region.port, port => send(port, 'v2s'), path.join(folder, 'data'), cold)
    const { peakMiB } = await region.stop()
    peaks.note('receive', peakMiB)
    if (hasCurl) curls.push(await curl(folder, cold - warmBytes))
    await fs.rm(folder, { recursive: true })
  }
  await fs.rm(store, { recursive: true })
  const metric = 'replicate-v1'
  const cold: Row = hasCurl
    ? { metric, unit: 's', ours: median(ours), beside: median(curls), name: 'curl', must: 1 / 0.6, aim: 1 / 0.8 }
    : { metric, why: 'curl is not installed: not compared' }
  return patch ? [cold, patch] : [cold]
}

/** What passes the wire for v2s, in both directions and with all of TLS, beside what the region's folder grows by. */
const countedPatch = async (
  to: number,
  send: (port: number) => Promise<unknown>,
  data: string,
  before: number,
): Promise<Row> => {
  const relay = await startRelay(to)
  await send(relay.port)
  const sent = relay.close()
  const grown = (await bytesIn(data)) - before
  const figures = { unit: 'MiB', ours: sent / 2 ** 20, beside: grown / 2 ** 20 }
  return { metric: 'sent-for-v2s', ...figures, name: 'what the region grew by', must: 1.02 }
}

/** A file of that size that curl fetches from Node over TLS and writes to the disk. */
const curl = async (region: string, sizeBytes: number): Promise<number> => {
  const [file, target] = [path.join(region, 'sent'), path.join(region, 'fetched')]
  await runCommand(['sh', '-c', `head -c ${sizeBytes} /dev/urandom > '${file}'`])
  const server = await startFileServer(file, region)
  const argv = ['curl', '-s', '-S', '--fail', '--cacert', server.authority, '-o', target, server.url]
  const seconds = await quietly(() => timeCommand(argv))
  await runCommand(['cmp', file, target])
  server.close()
  return seconds
}
