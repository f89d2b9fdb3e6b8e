import { borgs } from './borg.ts'
import { casyncs } from './casync.ts'
import type { Contestant } from './contestant.ts'
import { desyncs } from './desync.ts'
import { restics } from './restic.ts'
import { isInstalled, searchPath, timeCommand } from './run-command.ts'

const families: Readonly<Record<string, () => Promise<Contestant[]>>> = {
  casync: casyncs,
  restic: restics,
  borg: borgs,
  desync: desyncs,
}

export interface Peers {
  readonly present: readonly Contestant[]
  /** Programs that are not installed. */
  readonly absent: readonly string[]
}

/** Those of the peers that are installed, each with its defaults and with its best published settings. */
export const findPeers = async (folders = searchPath): Promise<Peers> => {
  const present: Contestant[] = []
  const absent: string[] = []
  for (const [program, settings] of Object.entries(families)) {
    if (await isInstalled(program, folders)) present.push(...(await settings()))
    else absent.push(program)
  }
  return { present, absent }
}

/** What a program takes to start and tell who it is: ours is measured inside of a process that has started, so this is taken off. */
export const startSeconds = async (program: string): Promise<number> => {
  const argv = program === 'desync' ? [program, 'help'] : [program, program === 'restic' ? 'version' : '--version']
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < 5; run++) least = Math.min(least, await timeCommand(argv))
  return least
}
