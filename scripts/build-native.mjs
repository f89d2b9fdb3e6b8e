// npm run build:native: compiles the optional kernel of the chunk store with plain `cc`. With --if-possible, as after `npm ci`, a
// machine without a compiler is no failure: the same work is then done in JavaScript.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = join(root, 'src/data-plane/native')
/** In the order in which load-native.ts reads them too. */
const sources = readdirSync(folder)
  .filter(file => /\.[ch]$/.test(file))
  .sort()
  .map(file => join(folder, file))
const source = join(folder, 'kernel.c')
const target = join(folder, 'kernel.node')
const isWished = !process.argv.includes('--if-possible')

/** Node-API is the same for all versions: any node's headers do. */
const headers = [
  join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'include', 'node'),
  join(dirname(process.execPath), '..', 'include', 'node'),
].find(place => existsSync(join(place, 'node_api.h')))

const end = (said, isBuilt = false) => {
  if (isBuilt || isWished) console.log(said)
  process.exit(isBuilt || !isWished ? 0 : 1)
}

if (process.platform === 'win32') end('There is no native kernel for Windows; JavaScript does its work.')
if (!headers) end('node_api.h was found neither in node_modules nor beside node.')

const draft = `${target}.${process.pid}`
const linking = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']
const name = createHash('sha256')
  .update(Buffer.concat(sources.map(file => readFileSync(file))))
  .digest('hex')
const options = ['-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', ...linking, `-DSOURCE="${name}"`, `-I${headers}`]
const compiler = process.env.CC ?? 'cc'
const { status, error, stderr } = spawnSync(compiler, [...options, '-o', draft, source], { encoding: 'utf8' })
if (status !== 0) {
  rmSync(draft, { force: true })
  end(`${compiler} could not build the kernel.\n${error?.message ?? stderr}`)
}
renameSync(draft, target) // a running program keeps the one that it has loaded
end(`Built ${target}`, true)
