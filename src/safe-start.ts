import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Log } from '#foundation/log.ts'
import type { Config } from './config.ts'

/** The server would be open to guessing or listening in as it is set up. */
export class UnsafeStart extends Error {
  override readonly name = 'UnsafeStart'
}

/** Fewer characters can be guessed, or were thought of by a person. Ours have 40. */
const SHORTEST_SECRET = 20

/**
 * Beyond loopback strangers can try: the certificate must be for a name that clients use, or they will be told to ignore it, and the
 * administrator's secret must be one that can't be guessed. Throws `UnsafeStart`.
 */
export const requireSafeListening = ({ host, hostNames }: Config, clientSecret: string | undefined): void => {
  if (isLoopback(host)) return
  if (['0.0.0.0', '::'].includes(host) && hostNames.length === 0)
    throw new UnsafeStart(
      `To listen at every address (${host}), say by which names clients reach the server: --host-name gallery.example.org. Its certificate is made for them.`,
    )
  if (clientSecret !== undefined && (clientSecret.length < SHORTEST_SECRET || new Set(clientSecret).size < 8))
    throw new UnsafeStart(
      `The administrator's secret in admin.json is too easy to guess for a server that listens beyond this machine. Make a new one of at least ${SHORTEST_SECRET} random characters, or listen at 127.0.0.1.`,
    )
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

/**
 * Keys, hashes and everybody's images lie in the data folder: it is closed to others, and so is every file in it that stands open. A
 * folder that an operator made with the usual rights is not refused but mended, and told.
 */
export const closeDataFolder = async (dataFolder: string, log: Log): Promise<void> => {
  if (process.platform === 'win32') return // there rights are inherited from the user's own folders
  const opened: string[] = []
  const close = async (name: string, mode: number) => {
    await fs.chmod(path.join(dataFolder, name), mode)
    opened.push(name === '' ? dataFolder : name)
  }
  if ((await fs.stat(dataFolder)).mode & 0o077) await close('', 0o700)
  for (const entry of await fs.readdir(dataFolder, { withFileTypes: true }))
    if (entry.isFile() && (await fs.stat(path.join(dataFolder, entry.name))).mode & 0o077)
      await close(entry.name, 0o600)
  if (opened.length > 0) log.warn('others on this machine could read the data folder, and no longer can', { opened })
}
