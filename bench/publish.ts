import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { opengallery } from './command.ts'
import { openServer } from './http-tools.ts'
import { type Benchmark, secondsOf, sideBySide, type Tools } from './measure.ts'

const imageBytes = 2 * 2 ** 30

/** A real file system of 2 GiB with up to 1.2 GiB of this machine's own files. */
export const realImage = (tools: Tools): string => {
  const file = path.join(tools.folder, 'image.raw')
  const content = path.join(tools.folder, 'content')
  fs.mkdirSync(content)
  fs.closeSync(fs.openSync(file, 'w'))
  fs.truncateSync(file, imageBytes)
  let left = 1.2 * 2 ** 30
  for (const folder of ['/usr/bin', '/usr/lib', '/usr/share', path.join(import.meta.dirname, '../node_modules')]) {
    const sizeBytes = Number(/^\d+/.exec(execFileSync('du', ['-sxb', folder]).toString())?.[0])
    if (sizeBytes > left) continue
    execFileSync('cp', ['-a', folder, path.join(content, folder.replaceAll('/', '_'))])
    left -= sizeBytes
  }
  execFileSync('/sbin/mke2fs', ['-q', '-t', 'ext4', '-d', content, file], { stdio: ['ignore', 'ignore', 'inherit'] })
  fs.rmSync(content, { recursive: true })
  return file
}

const sha256Of = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of fs.createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(part as Buffer)
  return hash.digest('hex')
}

/** A 2 GiB image published to one region, beside `cp --sparse=always` and SHA-256 of the same file. */
export const publish: Benchmark = async tools => {
  const { server } = await openServer(tools)
  tools.say('making the image')
  const image = realImage(tools)
  await sha256Of(image) // into the page cache, for all of them alike
  const copy = path.join(tools.folder, 'copy.raw')
  let version = 0
  const cold: number[] = []
  const again = await sideBySide(
    3,
    async () => {
      const name = `1.0.${version++}`
      const place = ['--definition', `definition${version}`, '--version', name, '--regions', 'eastus']
      const seconds = await secondsOf(() => opengallery(server, ['publish', image, ...place]))
      cold.push(seconds)
      return seconds
    },
    () => secondsOf(async () => void execFileSync('cp', ['--sparse=always', image, copy])),
  )
  const hashing = await secondsOf(() => sha256Of(image))
  const [first = 0] = cold
  tools.say(
    `first ${first.toFixed(2)} s, again ${again.ours.toFixed(2)} s, cp ${again.beside.toFixed(2)} s, SHA-256 ${hashing.toFixed(2)} s`,
  )
  const sha = { beside: hashing, name: 'SHA-256 of the file on one core' }
  return [
    { metric: 'publish-2gib', unit: 's', ours: first, ...sha, must: 8 },
    { metric: 'publish-2gib-beside-cp', unit: 's', ours: first, beside: again.beside, name: 'cp --sparse', must: 30 },
    { metric: 'publish-2gib-again', unit: 's', ours: again.ours, ...sha, must: 5 },
  ]
}
