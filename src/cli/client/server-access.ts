import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { Failure, usageError } from '../failure.ts'

/** What a client must know of a server to be let in. */
export interface ServerAccess {
  /** Without a trailing slash. */
  readonly url: string
  /** PEM of the server's certificate authority; without it only the machine's own authorities count. */
  readonly ca?: string
  readonly tenantId: string
  readonly subscriptionId: string
  readonly clientId: string
  readonly clientSecret: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The folder that a command means: `--data`, else OPENGALLERY_DATA, else `./opengallery-data`. */
export const dataFolderOf = (options: { data?: string }, env: Environment): string =>
  path.resolve(options.data ?? (env.OPENGALLERY_DATA || 'opengallery-data'))

/** Finds the server by OPENGALLERY_URL and its companions, else by what a running server left in its data folder. */
export const findServer = async (dataFolder: string, env: Environment): Promise<ServerAccess> => {
  if (env.OPENGALLERY_URL) return await fromEnvironment(env.OPENGALLERY_URL, env)
  const server = await readJson(path.join(dataFolder, 'server.json'))
  const admin = await readJson(path.join(dataFolder, 'admin.json'))
  if (server && !admin) {
    throw new Failure(`${dataFolder} has a server, but no admin.json to be let in with.`, {
      advice: 'Put the file back, or set OPENGALLERY_URL and its companions for another principal.',
    })
  }
  if (!server || !admin) {
    throw new Failure(`No server runs on ${dataFolder}.`, {
      advice:
        'Start one with `opengallery start`, name its data folder with --data, or set OPENGALLERY_URL for a server elsewhere.',
    })
  }
  const ca = await fs.readFile(path.join(dataFolder, 'ca.pem'), 'utf8')
  return {
    url: trimmed(server.url ?? ''),
    ca,
    tenantId: admin.tenantId ?? '',
    subscriptionId: admin.subscriptionId ?? '',
    clientId: admin.clientId ?? '',
    clientSecret: admin.clientSecret ?? '',
  }
}

const fromEnvironment = async (url: string, env: Environment): Promise<ServerAccess> => {
  const needed = (name: string): string => {
    const value = env[`OPENGALLERY_${name}`]
    if (value) return value
    throw new Failure(`OPENGALLERY_URL is set, but OPENGALLERY_${name} is not.`, {
      advice: 'A server elsewhere needs URL, TENANT_ID, SUBSCRIPTION_ID, CLIENT_ID and CLIENT_SECRET.',
      exitCode: 2,
    })
  }
  const caFile = env.OPENGALLERY_CA
  return {
    url: trimmed(httpUrl(url)),
    ...(caFile && { ca: await authorityIn(caFile) }),
    tenantId: needed('TENANT_ID'),
    subscriptionId: needed('SUBSCRIPTION_ID'),
    clientId: needed('CLIENT_ID'),
    clientSecret: needed('CLIENT_SECRET'),
  }
}

const httpUrl = (url: string): string => {
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url
  throw usageError(`OPENGALLERY_URL is '${url}'.`, 'Write it like this: https://gallery.example.org:9443')
}

const authorityIn = async (file: string): Promise<string> => {
  try {
    return await fs.readFile(file, 'utf8')
  } catch (cause) {
    throw new Failure(`OPENGALLERY_CA can't be read: ${(cause as Error).message}`, { exitCode: 2, cause })
  }
}

const trimmed = (url: string): string => url.replace(/\/+$/, '')

const readJson = async (file: string): Promise<Record<string, string> | undefined> => {
  try {
    return JSON.parse(await fs.readFile(file, 'utf8')) as Record<string, string>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure(`${file} can't be read: ${(error as Error).message}`, { cause: error })
  }
}
