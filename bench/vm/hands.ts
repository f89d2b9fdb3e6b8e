import * as fs from 'node:fs'
import * as path from 'node:path'
import type { RunningServer } from '../../test/scenarios/running-server.ts'
import type { Tools } from '../measure.ts'
import type { MachineWish } from './our-machines.ts'

/** What every part of the measurement needs. */
export interface Hands {
  readonly tools: Tools
  readonly server: RunningServer
  /** The raw disk that the version was published from. */
  readonly image: string
  readonly wish: MachineWish
}

/** Machines outlive their server: none may outlive the measurement, however it ends. */
export const endMachinesAfter = (tools: Tools, dataFolder: string): void => {
  const end = () => {
    const guests = path.join(dataFolder, 'machines', 'guests')
    for (const id of fs.existsSync(guests) ? fs.readdirSync(guests) : []) endMachine(path.join(guests, id, 'run'), id)
  }
  tools.after(end)
  process.once('exit', end)
}

const endMachine = (runFolder: string, id: string): void => {
  try {
    const pid = Number(fs.readFileSync(path.join(runFolder, 'pid'), 'latin1'))
    if (fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`guest=${id}`)) process.kill(pid, 'SIGKILL')
  } catch {
    // It runs no more.
  }
}
