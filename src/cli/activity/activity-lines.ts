import { createReadStream } from 'node:fs'
import type { SignedPoint } from '#activity/activity-chain.ts'
import type { ChainedActivity } from '#activity/activity-log.ts'
import type { ActivityRecord } from '#activity/activity-record.ts'
import { type Anchors, type ChainVerdict, verifyChain } from '#activity/verify-chain.ts'
import { Failure } from '../failure.ts'

const LONGEST_LINE = 4 * 2 ** 20

/** A line of an exported activity log: the first, a record, the last. */
export type ActivityLine =
  | { readonly base: SignedPoint; readonly publicKey: string }
  | { readonly sequence: number; readonly hash: string; readonly record: ActivityRecord }
  | { readonly head: SignedPoint }

/** The lines of a file that `activity-log export` wrote. */
export async function* linesOfFile(file: string): AsyncGenerator<ActivityLine> {
  for await (const line of textLines(file)) if (line.trim() !== '') yield parsed(line, file)
}

/** Whatever else is in the file, no more than a line of it is in memory. */
async function* textLines(file: string): AsyncGenerator<string> {
  let rest = ''
  for await (const part of createReadStream(file, 'utf8')) {
    const lines = (rest + part).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LONGEST_LINE) throw new Failure(`${file} has a line that is too long for a record.`)
    yield* lines
  }
  yield rest
}

/** Checks a log as it comes: hashes, signatures, and what is known of it from elsewhere. */
export const verifyLines = async (lines: AsyncGenerator<ActivityLine>, anchors: Anchors): Promise<ChainVerdict> => {
  const { value: first } = await lines.next()
  if (!first || !('base' in first))
    throw new Failure('This is no exported activity log: its first line has no beginning.')
  // The chain is gone through once; its end comes behind the records, and is needed only then.
  const ends: { base: SignedPoint; publicKey: string; head: SignedPoint } = {
    base: first.base,
    publicKey: first.publicKey,
    head: { ...first.base, sequence: -1 },
  }
  const records = async function* (): AsyncGenerator<ChainedActivity> {
    for await (const line of lines) {
      if ('head' in line) ends.head = line.head
      else if ('record' in line) yield { ...line, record: JSON.stringify(line.record) }
    }
  }
  return await verifyChain(records(), ends, anchors)
}

const parsed = (line: string, file: string): ActivityLine => {
  try {
    return JSON.parse(line) as ActivityLine
  } catch (cause) {
    throw new Failure(`${file} has a line that is not JSON: ${line.slice(0, 60)}`, { cause })
  }
}
