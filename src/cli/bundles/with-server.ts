import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { FolderLocked } from '#foundation/lock-file.ts'
import { configOf, LONGEST_ACTIVITY_DAYS } from '../../config.ts'
import type { RunningServer } from '../../main.ts'
import type { Client } from '../client/open-client.ts'
import { dataFolderOf } from '../client/server-access.ts'
import { consoleLog } from '../console-log.ts'
import { Failure } from '../failure.ts'
import { regionsOf } from '../server/region-settings.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'

/** Runs `work` as a client of the running server or, where none has the data folder, of one that runs as long as `work` does. */
export const withServer = async (
  shell: Shell,
  options: DataOption,
  work: (client: Client) => Promise<void>,
): Promise<void> => {
  const server = shell.env.OPENGALLERY_URL ? undefined : await ownServer(dataFolderOf(options, shell.env), shell)
  try {
    await withClient(shell, options, work)
  } finally {
    await server?.stop()
  }
}

const ownServer = async (dataFolder: string, shell: Shell): Promise<RunningServer | undefined> => {
  // Starting would make the folder, where a mistyped --data should be told.
  if (!(await fs.stat(path.join(dataFolder, 'admin.json')).catch(() => undefined)))
    throw new Failure(`${dataFolder} is not the data folder of a server.`, { advice: 'Name it with --data.' })
  const { startServer } = await import('../../main.ts') // here, not above: the other commands need not load a server
  try {
    const regions = await regionsOf(dataFolder)
    // It knows no option of the server whose folder this is: what that one would keep or look after is left as it is.
    const untouched = { activityRetentionDays: LONGEST_ACTIVITY_DAYS, scrubIntervalMs: 0 }
    const log = consoleLog(shell, 'error')
    return await startServer(configOf({ dataFolder, port: 0, regions, log, ...untouched }))
  } catch (error) {
    if (error instanceof FolderLocked) return undefined
    throw error
  }
}
