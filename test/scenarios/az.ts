import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { RunningServer } from './running-server.ts'

/** What a failed `az` command says. */
export class AzFailed extends Error {
  override readonly name = 'AzFailed'
  readonly exitCode: number
  readonly said: string
  constructor(command: string, exitCode: number, said: string) {
    super(`az ${command}\nexit code ${exitCode}\n${said}`)
    this.exitCode = exitCode
    this.said = said
  }
}

/** Runs a command and gives its parsed JSON, or its text when it asks for another output. Words are split at spaces; values stay whole. */
// biome-ignore lint/suspicious/noExplicitAny: the answers have as many shapes as there are commands; the assertions look at them.
export type Az = (words: TemplateStringsArray, ...values: readonly unknown[]) => Promise<any>

const candidates = [process.env.OPENGALLERY_AZ, '.venv/az/bin/az', '/opt/az/bin/az', 'az']

const works = (az: string | undefined): az is string => {
  if (!az) return false
  try {
    execFileSync(az, ['version'], { stdio: 'ignore', timeout: 120_000 })
    return true
  } catch {
    return false
  }
}

const found = candidates.map(az => (az?.includes('/') ? path.resolve(az) : az)).find(works)

/** For the options of a test: in continuous integration a missing client is a failure, elsewhere a reason to leave it out. */
export const needsAz: { skip?: string } =
  found || process.env.CI === 'true' ? {} : { skip: 'no az found; name it in OPENGALLERY_AZ' }

export const azCommand = (): string => {
  assert.ok(found, `az is missing: ${candidates.filter(Boolean).join(', ')}`)
  return found
}

/** A configuration folder of its own, trust in the server's CA alone, and no way to reach anything else. */
export const azEnvironment = (server: RunningServer, name: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
  const configFolder = path.join(server.folder, name)
  fs.mkdirSync(configFolder, { recursive: true })
  return {
    PATH: process.env.PATH,
    HOME: server.folder,
    LANG: 'C.UTF-8',
    AZURE_CONFIG_DIR: configFolder,
    AZURE_CORE_COLLECT_TELEMETRY: 'no',
    AZURE_CORE_NO_COLOR: 'yes',
    AZURE_CORE_ONLY_SHOW_ERRORS: 'yes',
    AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
    AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no',
    REQUESTS_CA_BUNDLE: server.caFile,
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '127.0.0.1,localhost',
    ...more,
  }
}

export const isolatedAz = (server: RunningServer, name = 'az'): Az => {
  const env = azEnvironment(server, name)
  return (words, ...values) => {
    const args = words.flatMap((text, index) => {
      const plain = text.split(/\s+/).filter(word => word !== '')
      if (index >= values.length) return plain
      const value = String(values[index])
      // A value that touches a word belongs to it: `--name=${x}`, `tags.env=${x}`.
      return /\S$/.test(text) ? [...plain.slice(0, -1), `${plain.at(-1)}${value}`] : [...plain, value]
    })
    return run(args, env)
  }
}

const run = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const options = { env, timeout: 300_000, maxBuffer: 1 << 26 }
    const child = execFile(azCommand(), [...args], options, (error, stdout, stderr) => {
      if (error) return reject(new AzFailed(args.join(' '), Number(error.code ?? 1), `${stdout}${stderr}`))
      const text = stdout.trim()
      const isOther = args.some(word => /^(-o|--output)$/.test(word))
      resolve(text === '' ? undefined : isOther ? text : JSON.parse(text))
    })
    child.stdin?.end()
  })

/** The command must fail with this text. */
export const refused = async (command: Promise<unknown>, text: RegExp): Promise<void> => {
  await assert.rejects(command, (error: unknown) => {
    assert.ok(error instanceof AzFailed, String(error))
    assert.match(error.said, text)
    return true
  })
}

/** `az` from registration to login, as the guide has it. */
export const loggedIn = async (server: RunningServer, name?: string): Promise<Az> => {
  const az = isolatedAz(server, name)
  const { clientId, clientSecret, tenantId } = server.admin
  await az`cloud register -n opengallery --endpoint-resource-manager ${server.url}`
  await az`cloud set -n opengallery`
  await az`login --service-principal -u ${clientId} -p ${clientSecret} --tenant ${tenantId}`
  return az
}

/** Independent commands, a few at a time: each is a whole Python that starts. */
export const together = async (...commands: readonly (() => Promise<unknown>)[]): Promise<void> => {
  const waiting = [...commands]
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next()
  }
  await Promise.all([worker(), worker(), worker()])
}
