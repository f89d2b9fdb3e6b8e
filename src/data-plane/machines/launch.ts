import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { LineSilent } from './json-lines.ts'
import { findProcess } from './machine-process.ts'
import { MachineFailed } from './machines.ts'
import { Qmp } from './qmp.ts'
import { readEnd, readLog } from './read-end.ts'
import { supervised, type Unprivileged } from './supervise.ts'

const startLimitMs = 60_000
const pollMs = 50
/** Beside the guest's memory: translated code, threads' stacks, buffers. */
const ownAddressBytes = 6 * 2 ** 30

/** Makes the folder in which QEMU may write, empty but for the guest's firmware variables. */
export const cleanRunFolder = async (folder: string, user: Unprivileged | undefined): Promise<void> => {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await fs.readdir(folder))
    if (name !== 'nvram') await fs.rm(path.join(folder, name), { recursive: true })
  if (user) await fs.chown(folder, user.uid, user.gid)
}

/**
 * Puts a file into QEMU's folder. It is made beside that, for what has QEMU's rights could put a link into its place there, which we
 * would follow with ours.
 */
export const writeForQemu = async (
  file: string,
  bytes: Uint8Array,
  { user, mode }: { readonly user: Unprivileged | undefined; readonly mode: number },
): Promise<void> => {
  const draft = path.join(path.dirname(path.dirname(file)), `${path.basename(file)}.new`)
  await fs.rm(draft, { force: true })
  const handle = await fs.open(draft, 'wx', mode)
  try {
    await handle.writeFile(bytes)
    if (user) await handle.chown(user.uid, user.gid)
  } finally {
    await handle.close()
  }
  await fs.rename(draft, file)
}

/**
 * Starts QEMU beside us, not below: it shares neither our terminal nor our end. Resolves once it answers; throws `MachineFailed` with
 * its own words if it ends before.
 */
export const launch = async (
  machineId: string,
  qemu: readonly string[],
  parts: {
    readonly root: string
    readonly runFolder: string
    readonly user: Unprivileged | undefined
    readonly memoryMiB: number
    readonly clock: Clock
  },
): Promise<void> => {
  const { root, user, memoryMiB, clock } = parts
  const maxAddressBytes = memoryMiB * 2 ** 20 + ownAddressBytes
  const [program = '', ...args] = supervised(qemu, { runFolder: parts.runFolder, user, maxAddressBytes })
  const runFolder = path.join(root, parts.runFolder)
  // What becomes QEMU's supervisor may fail before there is one.
  const said = await fs.open(path.join(path.dirname(runFolder), 'launch'), 'w', 0o600)
  let isEnded = false
  try {
    const env = { PATH: process.env.PATH, LC_ALL: 'C' }
    const child = spawn(program, args, { cwd: root, detached: true, stdio: ['ignore', 'ignore', said.fd], env })
    for (const end of ['error', 'exit'])
      child.on(end, () => {
        isEnded = true
      })
    child.unref()
  } finally {
    await said.close()
  }
  const untilMs = clock.now().getTime() + startLimitMs
  while (!(await answers(machineId, runFolder, clock))) {
    if (isEnded || (await readEnd(`${runFolder}/exit`, 8)).length > 0)
      throw new MachineFailed(machineId, `QEMU did not start: ${await lastWords(runFolder)}`)
    if (clock.now().getTime() > untilMs)
      throw new MachineFailed(machineId, `QEMU did not answer within ${startLimitMs / 1000} s.`)
    await clock.sleep(pollMs)
  }
}

const answers = async (machineId: string, runFolder: string, clock: Clock): Promise<boolean> => {
  if (!(await findProcess(machineId, runFolder))) return false
  try {
    const qmp = await Qmp.connect(`${runFolder}/qmp`, clock, 5000)
    qmp.close()
    return true
  } catch (error) {
    if (error instanceof LineSilent) return false
    throw error
  }
}

const lastWords = async (runFolder: string): Promise<string> =>
  Buffer.concat([
    await readEnd(path.join(path.dirname(runFolder), 'launch'), 1000),
    await readLog(runFolder, 'qemu', 2000),
  ])
    .toString()
    .trim() || 'it said nothing.'
