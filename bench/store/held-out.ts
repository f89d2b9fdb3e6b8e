import type { Row } from '../measure.ts'
import { heldOutImages } from './images.ts'
import { ourName, ours } from './ours.ts'
import type { Given } from './part.ts'
import { type Image, race } from './race.ts'

/** Disks that nothing was tuned on, a first and a second version of each: told beside the best peer, and nothing is promised. */
export const heldOut = async (given: Given): Promise<Row[]> => {
  if (given.tools.wishes.quick) return [{ metric: 'held-out', why: 'not with --quick' }]
  const rows: Row[] = []
  for (const [kind, images] of await heldOutImages(given.tools)) rows.push(...(await onePair(given, kind, images)))
  return rows
}

const onePair = async (
  { tools, peers, peaks, runs }: Given,
  kind: string,
  images: readonly Image[],
): Promise<Row[]> => {
  const everybody = [ours(peaks, ourName, () => 'publish-held-out'), ...peers.present]
  const standings = await race(tools, everybody, { images, verifies: false, runs })
  const events = [...images.flatMap(({ name }) => [`publish ${name}`, `added ${name}`]), 'stored']
  for (const line of standings.table(
    everybody.map(({ name }) => name),
    events,
  ))
    tools.show(line)
  return events.map(event => {
    const metric = `held-out-${event.replace(' ', '-')}${event === 'stored' ? `-${kind}` : ''}`
    const best = standings.best(
      event,
      peers.present.map(({ name }) => name),
    )
    if (!best) return { metric, why: 'no peer is installed: not compared' }
    const unit = event.startsWith('publish') ? 's' : 'MiB'
    return { metric, unit, ours: standings.of(event, ourName), beside: best.value, name: best.name }
  })
}
