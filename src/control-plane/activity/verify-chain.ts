import { type ChainPoint, GENESIS, isPointSigned, nextPoint, type SignedPoint } from './activity-chain.ts'
import type { ChainedActivity } from './activity-log.ts'

/** A log's two ends, and the key that they are signed with. The head may become known only behind the last record. */
export interface ChainEnds {
  readonly base: SignedPoint
  readonly head: SignedPoint
  readonly publicKey: string
}

export interface ChainVerdict {
  readonly records: number
  readonly from: ChainPoint
  readonly to: ChainPoint
  /** What is wrong, in the order of the log; empty for a whole chain. */
  readonly faults: readonly string[]
}

/** What somebody knows of the log from elsewhere: the key that was written down, a head that was noted at some time. */
export interface Anchors {
  readonly publicKey?: string
  readonly points?: readonly ChainPoint[]
}

const MOST_FAULTS = 20

/**
 * Goes through a log from its base to its head: each hash is worked out anew, both ends must be signed, and every point that is known
 * from elsewhere must lie on the chain. What is cut off at either end, changed, left out or put in between is told with its number.
 */
export const verifyChain = async (
  records: AsyncIterable<ChainedActivity> | Iterable<ChainedActivity>,
  ends: ChainEnds,
  anchors: Anchors = {},
): Promise<ChainVerdict> => {
  const { base, publicKey } = ends
  const faults: string[] = []
  const tell = (fault: string) => void (faults.length < MOST_FAULTS && faults.push(fault))
  if (anchors.publicKey !== undefined && anchors.publicKey !== publicKey)
    tell('The log is signed with another key than the one that was named.')
  if (!isPointSigned('base', base, publicKey)) tell('The signature of the beginning is wrong.')
  if (base.sequence === 0 && base.hash !== GENESIS.hash) tell('The beginning is not where a log begins.')
  const wanted = new Map((anchors.points ?? []).map(point => [point.sequence, point.hash]))
  const check = ({ sequence, hash }: ChainPoint) => {
    const known = wanted.get(sequence)
    if (known !== undefined && known !== hash) tell(`Record ${sequence} is not the one that was noted.`)
    wanted.delete(sequence)
  }
  let last: ChainPoint = base
  let count = 0
  check(last)
  for await (const { sequence, hash, record } of records) {
    count++
    if (sequence !== last.sequence + 1) tell(`Record ${sequence} follows record ${last.sequence}: others are missing.`)
    const right = nextPoint({ sequence: sequence - 1, hash: last.hash }, record)
    if (sequence === last.sequence + 1 && right.hash !== hash)
      tell(`Record ${sequence} is not what was written, or what is before it is not.`)
    last = { sequence, hash } // from here on as it says, so that one fault is told once
    check(last)
  }
  const { head } = ends
  if (!isPointSigned('head', head, publicKey)) tell('The signature of the end is wrong.')
  if (last.sequence !== head.sequence)
    tell(`The log ends with record ${last.sequence}, and should with record ${head.sequence}.`)
  else if (last.hash !== head.hash) tell('The last record is not the one that the end is signed for.')
  for (const [sequence] of wanted)
    if (sequence > base.sequence) tell(`Record ${sequence}, which was noted, is not there.`)
  return { records: count, from: base, to: last, faults }
}
