import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Given } from './part.ts'
import { runCommand, settled } from './run-command.ts'

/** Seconds of the first capture of a process, its store opened, and of one in a process that has done some before, as a server has. */
export interface Captured {
  readonly first: number
  readonly later: number
}

/** A store that holds v1, and what a guest has written over it until it was v2s: each call takes that in anew. */
export const captureOf = async (
  { tools, peaks }: Pick<Given, 'tools' | 'peaks'>,
  base: string,
  changed: string,
): Promise<() => Promise<Captured>> => {
  const store = path.join(tools.folder, 'base')
  const copies = [1, 2, 3, 4].map(number => path.join(tools.folder, `captured-${number}`))
  const overlay = path.join(tools.folder, 'overlay.qcow2')
  await peaks.step('publish-v1', 'publish', store, base, 'v1')
  await runCommand(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', changed, '-F', 'raw', overlay])
  await runCommand(['qemu-img', 'rebase', '-b', base, '-F', 'raw', overlay]) // writes the clusters that differ
  return async () => {
    for (const copy of copies) await runCommand(['cp', '-a', store, copy])
    const { firstSeconds = Number.NaN, laterSeconds = Number.NaN } = await settled(() =>
      peaks.step('capture', 'capture', overlay, 'v1', 'v2s', ...copies),
    )
    for (const copy of copies) await fs.rm(copy, { recursive: true })
    return { first: firstSeconds, later: laterSeconds }
  }
}
