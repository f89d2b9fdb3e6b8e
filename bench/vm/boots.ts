import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type Measure, type Row, secondsOf, sideBySide } from '../measure.ts'
import { type BareMachines, copiesOf, openBareMachines, rawDisk } from './bare-machines.ts'
import type { Hands } from './hands.ts'
import { type MadeMachines, makeMachines, size } from './our-machines.ts'

/**
 * What ours adds to a boot is a second or so: a deployment of five resources, each flushed to disk, and an overlay. Beside the boot of
 * the smallest Linux, emulated, that may be half of it; any other guest takes longer, and the share is smaller.
 */
const mustBeside = 1.5

const bare = 'a bare boot of a raw copy'
const copied = 'a bare boot with its copying'

/** Machines of one version, as many at one time as told, beside QEMU by hand. */
export const bootRows = async (hands: Hands): Promise<Row[]> => {
  const { quick, runs } = hands.tools.wishes
  const first = await made(hands, 1)
  const machines = await openBare(hands, 'V1')
  const rows: Row[] = []
  try {
    const cold = await bootCopies(hands, machines, 1)
    // What else the first start of a server does for good, as to find out whether KVM works, is part of it.
    rows.push(row('vm-first', first.untilSsh, cold.copying + cold.boot, copied))
    for (const count of quick ? [1] : [1, 5, 10]) {
      const times = quick ? 1 : (runs ?? (count === 1 ? 3 : 1))
      rows.push(...(await atOnce(hands, machines, count, times)))
    }
  } finally {
    await machines.close()
  }
  return rows
}

/** The same, once, for a machine that boots by UEFI. */
export const generationRows = async (hands: Hands): Promise<Row[]> => {
  await made(hands, 1)
  const machines = await openBare(hands, 'V2')
  try {
    return (await atOnce(hands, machines, 1, hands.tools.wishes.runs ?? 1)).map(each => ({
      ...each,
      metric: each.metric.replace('vm-1', 'vm-uefi'),
    }))
  } finally {
    await machines.close()
  }
}

const atOnce = async (hands: Hands, machines: BareMachines, count: number, times: number): Promise<Row[]> => {
  hands.tools.say(`${count} at a time`)
  const ours: Timed[] = []
  const theirs: Copied[] = []
  await sideBySide(
    times,
    async () => ours[ours.push(await made(hands, count)) - 1]?.untilSsh ?? Number.NaN,
    async () => theirs[theirs.push(await bootCopies(hands, machines, count)) - 1]?.boot ?? Number.NaN,
  )
  const { untilSsh, untilDeployed } = middle(ours, ({ untilSsh }) => untilSsh)
  const { boot, copying } = middle(theirs, ({ boot }) => boot)
  return [
    row(`vm-${count}`, untilSsh, boot, bare, mustBeside),
    row(`vm-${count}-beside-copying`, untilSsh, copying + boot, copied),
    row(`vm-${count}-deployed`, untilDeployed, boot, bare),
  ]
}

type Timed = Pick<MadeMachines, 'untilSsh' | 'untilDeployed'>
type Copied = { readonly copying: number; readonly boot: number }

const middle = <T>(runs: readonly T[], of: (run: T) => number): T => {
  const sorted = runs.toSorted((left, right) => of(left) - of(right))
  return sorted[sorted.length >> 1] as T
}

const row = (metric: string, ours: number, beside: number, name: string, must?: number): Measure => {
  const measure = { metric, unit: 's', ours, beside, name }
  return must === undefined ? measure : { ...measure, must }
}

const made = async ({ wish }: Hands, count: number): Promise<Timed> => {
  const machines = await makeMachines(wish, count)
  await machines.remove()
  return machines
}

const bootCopies = async ({ image, tools }: Hands, machines: BareMachines, count: number): Promise<Copied> => {
  let files: string[] = []
  const copying = await secondsOf(async () => {
    files = await copiesOf(image, tools.folder, count)
  })
  const boot = await machines.boot(files.map(rawDisk))
  for (const file of files) await fs.rm(file)
  return { copying, boot }
}

/** With the accelerator that the server has found. */
export const openBare = async ({ tools, server, wish }: Hands, generation: 'V1' | 'V2'): Promise<BareMachines> => {
  const known = await fs.readFile(path.join(server.dataFolder, 'machines', 'accelerator.json'), 'utf8')
  const { accelerator } = JSON.parse(known) as { accelerator: 'kvm' | 'tcg' }
  const folder = await fs.mkdtemp(path.join(tools.folder, 'bare-'))
  const { publicKey } = wish.key
  return await openBareMachines({ folder, accelerator, generation, publicKey, memoryMiB: size.memoryMiB })
}
