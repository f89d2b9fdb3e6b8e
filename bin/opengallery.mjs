#!/usr/bin/env node
// Runs on any Node since 18: finds the Node that the product needs, and hands over to it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const neededMajor = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  // In our own folder, not in the shared temporary one, where others could plant code.
  const cache = join(root, 'node_modules', '.cache', 'opengallery')
  module.enableCompileCache(cache)
  process.env.NODE_COMPILE_CACHE ??= cache // threads look only here: they start in half the time
  if (process.env.OPENGALLERY_HANDED_OVER) endWithLauncher()
  const { main } = await import('../src/cli/main.ts')
  process.exitCode = await main(process)
} else {
  handOver()
}

function handOver() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  // npm places the binary of its package either as a link in .bin or in the package itself.
  const places = [join('.bin', name), join(`node-${process.platform}-${process.arch}`, 'bin', name)]
  const node = places.map(place => join(root, 'node_modules', place)).find(file => existsSync(file))
  if (!node) {
    console.error(
      `opengallery needs Node ${neededMajor} or newer, and this is ${process.version}: run \`npm ci\` in ${root}, which brings one along, or install Node ${neededMajor}.`,
    )
    process.exitCode = 1
    return
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, OPENGALLERY_HANDED_OVER: '1' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    console.error(`${node} could not be started: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exit(signal ? 128 + constants.signals[signal] : code)
  })
}

// Who is killed without a word can't pass it on: the channel to him closes, and that is the word.
function endWithLauncher() {
  delete process.env.OPENGALLERY_HANDED_OVER
  process.channel?.unref()
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}
