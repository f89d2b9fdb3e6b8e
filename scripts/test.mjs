// `npm test`: every quick test, or those that are named (options are the runner's), a process per file, on all cores, with compiled modules kept between the files' processes.
import { spawn } from 'node:child_process'
import * as os from 'node:os'

const all = [
  'src/**/*.test.ts',
  'test/*.test.ts',
  'bench/**/*.test.ts',
  'test/simulation/**/*.test.ts',
  'test/conformance/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
]
const given = process.argv.slice(2)
const options = given.filter(each => each.startsWith('-'))
const named = given.filter(each => !each.startsWith('-'))
const patterns = named.length > 0 ? named : all
const concurrency = `--test-concurrency=${os.availableParallelism()}`
const runner = spawn(process.execPath, ['--test', concurrency, '--test-timeout=300000', ...options, ...patterns], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: 'node_modules/.cache/opengallery', ...process.env },
})
runner.on('exit', (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1)
})
