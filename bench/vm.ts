import { tinyImage } from '../test/support/tiny-image.ts'
import { openServer } from './http-tools.ts'
import type { Benchmark, Row } from './measure.ts'
import { bootRows, generationRows } from './vm/boots.ts'
import { captureRows } from './vm/capture.ts'
import { endMachinesAfter } from './vm/hands.ts'
import { publishImage } from './vm/image.ts'
import { makeKey } from './vm/our-machines.ts'
import { readRows } from './vm/reads.ts'
import { remoteRows } from './vm/remote.ts'

const serverArguments = ['--vm-cores', '64', '--region', 'eastus']

const parts = ['boot', 'reads', 'capture', 'remote'] as const

/** From the request of a machine to its first words over SSH, beside QEMU by hand on copies of the same image. */
export const vm: Benchmark = async tools => {
  const { quick, parts: asked } = tools.wishes
  const wants = (part: (typeof parts)[number]) => asked.length === 0 || asked.includes(part)
  tools.say('the tiny image: built at the first time')
  const image = await tinyImage()
  const key = await makeKey(tools.folder)
  const rows: Row[] = []
  if (wants('boot') || wants('capture') || wants('reads')) {
    const { server, send } = await openServer(tools, serverArguments)
    endMachinesAfter(tools, server.dataFolder)
    const { subscriptionId } = server.admin
    const published = (generation: 'V1' | 'V2') =>
      publishImage(server, { file: image, name: `tiny-${generation}`, generation, region: 'eastus' })
    const wish = { send, subscriptionId, location: 'eastus', key }
    const hands = { tools, server, image, wish: { ...wish, imageId: await published('V1') } }
    if (wants('boot')) rows.push(...(await bootRows(hands)))
    if (wants('boot') && !quick)
      rows.push(...(await generationRows({ ...hands, wish: { ...wish, imageId: await published('V2') } })))
    if (wants('reads')) rows.push(...(await readRows(hands)))
    if (wants('capture')) rows.push(...(await captureRows(hands)))
  }
  if (wants('remote')) rows.push(...(await remoteRows({ tools, image, key })))
  return rows
}
