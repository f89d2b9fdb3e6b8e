import { loadNative } from '#data-plane/native/load-native.ts'
import type { Benchmark, Row } from './measure.ts'
import { garbage } from './store/garbage.ts'
import { heldOut } from './store/held-out.ts'
import { hole } from './store/hole.ts'
import { Peaks } from './store/our-step.ts'
import type { Given, Part } from './store/part.ts'
import { findPeers } from './store/peers.ts'
import { regions } from './store/regions.ts'
import { replicate } from './store/replicate.ts'
import { memoryRows, sparse } from './store/sparse.ts'
import { versions } from './store/versions.ts'

const parts: Readonly<Record<string, Part>> = {
  versions,
  hole,
  regions,
  replicate,
  garbage,
  sparse,
  'held-out': heldOut,
}

/** The store beside those that people use today, and beside what the machine can do. README.md says what each row means. */
export const store: Benchmark = async tools => {
  const asked = tools.wishes.parts.length > 0 ? tools.wishes.parts : Object.keys(parts)
  const unknown = asked.filter(name => !Object.hasOwn(parts, name))
  if (unknown.length > 0)
    throw new TypeError(`No part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}.`)
  const found = await findPeers()
  const { peers: wanted } = tools.wishes
  const isWanted = (name: string) => wanted.length === 0 || wanted.some(text => name.includes(text))
  const peers = { ...found, present: found.present.filter(({ name }) => isWanted(name)) }
  const versionsOf = new Map(peers.present.map(({ program, version }) => [program, version]))
  tools.show([...versionsOf].map(([program, version]) => `${program} ${version}`).join(', '))
  const native = loadNative()
  tools.show(`native kernel: ${typeof native === 'string' ? `no, ${native}` : 'yes'}`)
  for (const program of peers.absent) tools.show(`${program} is not installed: not compared`)
  const { quick, runs = quick ? 1 : 3 } = tools.wishes
  const given: Given = { tools, peers, peaks: new Peaks(), runs }
  const rows: Row[] = []
  for (const name of asked) rows.push(...((await parts[name]?.(given)) ?? []))
  return [...rows, ...memoryRows(given)]
}
