import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import * as tls from 'node:tls'
import type { ServerAccess } from '../client/server-access.ts'
import { Failure } from '../failure.ts'
import type { Shell } from '../shell.ts'

const cloudName = 'opengallery'

/** az keeps everything of ours in a folder of its own, so that the user's `~/.azure` is never touched. */
const configFolder = (dataFolder: string): string => path.join(dataFolder, 'az')
const bundleFile = (dataFolder: string): string => path.join(dataFolder, 'az-ca-bundle.pem')
const markerFile = (dataFolder: string): string => path.join(configFolder(dataFolder), 'opengallery.json')

/** What `az` and the Azure SDKs must find in their environment. */
export const azEnvironment = (dataFolder: string, access: ServerAccess): Record<string, string> => ({
  AZURE_CONFIG_DIR: configFolder(dataFolder),
  REQUESTS_CA_BUNDLE: bundleFile(dataFolder),
  NODE_EXTRA_CA_CERTS: bundleFile(dataFolder),
  AZURE_CORE_COLLECT_TELEMETRY: 'no',
  AZURE_CORE_SURVEY_MESSAGE: 'no',
  AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
  AZURE_TENANT_ID: access.tenantId,
  AZURE_SUBSCRIPTION_ID: access.subscriptionId,
})

/** The authorities that python-requests shall trust: the public ones, since its variable replaces them, and ours. */
export const writeCaBundle = async (dataFolder: string, access: ServerAccess): Promise<void> => {
  const authorities = [...tls.rootCertificates, ...(access.ca === undefined ? [] : [access.ca.trim()])]
  await fs.mkdir(dataFolder, { recursive: true, mode: 0o700 })
  await fs.writeFile(bundleFile(dataFolder), `${authorities.join('\n')}\n`, { mode: 0o600 }) // as all of the folder is
}

/** Registers the cloud and logs in, unless that was done before for this server and this principal. */
export const prepareAz = async (shell: Shell, dataFolder: string, access: ServerAccess): Promise<void> => {
  await writeCaBundle(dataFolder, access)
  const wanted = JSON.stringify({ url: access.url, tenantId: access.tenantId, clientId: access.clientId })
  const marker = await fs.readFile(markerFile(dataFolder), 'utf8').catch(() => '')
  if (marker === wanted) return
  // az remembers endpoints and tokens in several files; for a server that moved, only a fresh folder is safe.
  await fs.rm(configFolder(dataFolder), { recursive: true, force: true })
  await fs.mkdir(configFolder(dataFolder), { recursive: true, mode: 0o700 })
  shell.terminal.say(`Preparing az for ${access.url}, once: registering the cloud and logging in.`)
  const az = (...args: string[]) => quietAz(shell, dataFolder, access, args)
  await az('cloud', 'register', '--name', cloudName, '--endpoint-resource-manager', access.url)
  await az('cloud', 'set', '--name', cloudName)
  const secretFile = path.join(configFolder(dataFolder), 'secret')
  await fs.writeFile(secretFile, access.clientSecret, { mode: 0o600 })
  try {
    // az reads `@file` from the file; on its command line every user of the machine could see the secret.
    const who = ['--username', access.clientId, '--tenant', access.tenantId]
    await az('login', '--service-principal', ...who, '--password', `@${secretFile}`)
  } finally {
    await fs.rm(secretFile, { force: true })
  }
  await az('account', 'set', '--subscription', access.subscriptionId)
  await fs.writeFile(markerFile(dataFolder), wanted)
}

/** Runs az with this terminal's streams, and resolves with its exit code. */
export const runAz = async (
  shell: Shell,
  dataFolder: string,
  access: ServerAccess,
  args: readonly string[],
): Promise<number> => {
  // The terminal sends Ctrl+C to az as well: what it means is az's to decide.
  const release = shell.onInterrupt(() => {})
  try {
    return (await spawnAz(shell, dataFolder, access, args, 'inherit')).code
  } finally {
    release()
  }
}

const quietAz = async (shell: Shell, dataFolder: string, access: ServerAccess, args: readonly string[]) => {
  const { code, errors } = await spawnAz(shell, dataFolder, access, args, 'pipe')
  if (code === 0) return
  throw new Failure(
    `az ${args.slice(0, 2).join(' ')} failed: ${errors.trim().split('\n').at(-1) ?? `exit code ${code}`}`,
  )
}

const spawnAz = (
  shell: Shell,
  dataFolder: string,
  access: ServerAccess,
  args: readonly string[],
  output: 'inherit' | 'pipe',
): Promise<{ code: number; errors: string }> =>
  new Promise((resolve, reject) => {
    const env = { ...shell.env, ...azEnvironment(dataFolder, access) }
    const child = spawn(shell.env.OPENGALLERY_AZ || 'az', args, {
      env,
      stdio: output === 'inherit' ? 'inherit' : ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    child.stderr?.on('data', text => {
      errors = (errors + text).slice(-8000)
    })
    child.on('error', error => reject(azMissing(error)))
    child.on('close', code => resolve({ code: code ?? 1, errors }))
  })

const azMissing = (error: NodeJS.ErrnoException): Error =>
  error.code === 'ENOENT'
    ? new Failure('az is not installed.', {
        advice:
          'Get it with `pip install azure-cli` in a virtual environment, and put it on the path or name it in OPENGALLERY_AZ.',
      })
    : error
