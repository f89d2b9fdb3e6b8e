import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningServer } from '../test/scenarios/running-server.ts'

const launcher = path.join(import.meta.dirname, '../bin/opengallery.mjs')

/** Runs the product's own command against the server, and tells the most memory that it held. */
export const opengallery = async (server: RunningServer, args: readonly string[]): Promise<{ peakMiB: number }> => {
  const [command = '', ...rest] = args
  const child = spawn(process.execPath, [launcher, command, '--data', server.dataFolder, ...rest], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', data => {
    said += String(data)
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  let peakMiB = 0
  const stop = new AbortController()
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const status = await fs.readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
      peakMiB = Math.max(peakMiB, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024)
      await sleep(100, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  })()
  const code = await ended
  stop.abort()
  await watching
  if (code !== 0) throw new Error(`opengallery ${args.join(' ')} ended with ${code}:\n${said}`)
  return { peakMiB }
}
