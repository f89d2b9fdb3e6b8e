import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { JumpableClock } from '#foundation/clock.ts'
import { systemRandom } from '#foundation/random.ts'
import { configOf } from '../../config.ts'
import { openClient } from '../client/open-client.ts'
import { findServer } from '../client/server-access.ts'
import { durationText } from '../figures.ts'
import { interruptible, type Shell } from '../shell.ts'
import { type DemoImage, givenImage, makeDemoImage } from './demo-image.ts'
import { type Narrator, narrator } from './narrator.ts'
import { tellStory } from './story.ts'

export interface DemoOptions {
  readonly image?: string
  readonly keep?: true
}

/** The three regions; one has two stores, so that it can keep two replicas apart. */
export const demoRegions = { eastus: ['disk1', 'disk2'], westus2: ['disk1'], westeurope: ['disk1'] } as const

/** Makes an image, runs a server of its own, tells the story, and cleans up behind itself also when something fails. */
export const runDemo = (shell: Shell, options: DemoOptions): Promise<void> =>
  interruptible(shell, async signal => {
    const { terminal } = shell
    const startedMs = shell.clock.now().getTime()
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-demo-'))
    terminal.result(`${terminal.style(['bold', 'cyan'], 'OpenGallery')}: a real disk image, three regions, and back.`)
    const story = narrator(terminal, shell.clock, signal)
    try {
      await demonstrate(shell, story, folder, options, signal)
      story.summary()
    } finally {
      if (!options.keep) await fs.rm(folder, { recursive: true, force: true })
    }
    const tookText = durationText(shell.clock.now().getTime() - startedMs)
    terminal.result(`\nAll of it was real, and took ${tookText}. ${whatIsLeft(folder, options)}`)
    terminal.result('Next: `npm start` runs a server to keep; README.md shows how to use it with az.')
  })

const whatIsLeft = (folder: string, { keep }: DemoOptions): string =>
  keep ? `${folder} is left for you to look at.` : 'Nothing is left behind.'

const demonstrate = async (
  shell: Shell,
  story: Narrator,
  folder: string,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<void> => {
  const image = await firstImage(story, folder, options)
  const clock = new JumpableClock()
  const dataFolder = path.join(folder, 'data')
  const storeFolder = (region: string, disk: string) => path.join(folder, 'stores', region, disk)
  const regions = Object.entries(demoRegions).map(([name, disks]) => ({
    name,
    stores: disks.map(disk => pathToFileURL(storeFolder(name, disk)).href),
  }))
  const { startServer } = await import('../../main.ts')
  // The folders stand for disks of their own: a bit that flips in one of them must not flip in another region as well.
  const server = await startServer(configOf({ dataFolder, port: 0, regions, clock, separateCopies: true }))
  story.tell(`A server of its own is up at ${server.url}, on a free port and a clock that can be moved.`)
  try {
    const client = openClient(await findServer(dataFolder, {}), shell.clock)
    try {
      await tellStory({ shell, story, client, clock, image, folder, storeFolder, signal })
    } finally {
      client.close()
    }
  } finally {
    await server.stop()
  }
}

const firstImage = (story: Narrator, folder: string, options: DemoOptions): Promise<DemoImage> =>
  story.step('Make a disk image', async outcome => {
    story.tell(
      options.image
        ? `Taking ${options.image}.`
        : 'Copying files of this machine into a disk image; that needs no root.',
    )
    const image = await (options.image
      ? givenImage(options.image, folder, systemRandom)
      : makeDemoImage(folder, systemRandom))
    story.tell(`It is ${image.what}.`)
    outcome(image.summary)
    return image
  })
