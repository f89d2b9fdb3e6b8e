// npm run check: every rule of the house that a program can check. Runs all of them, then exits 1 when one failed.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Fewer modules than this and the import rules looked at nothing: a broken parser reports no violations either. */
const leastModules = 100

const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 24) {
  console.error(`The checks need Node 24, this is ${process.version}. \`npm ci && npm run check\` brings it along.`)
  process.exit(2)
}

/** Runs a tool of node_modules by its script, so that no launcher picks another Node. */
const run = (args, more = {}) => spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...more })

const passedWhenQuiet = args => () => {
  const { status, stdout, stderr } = run(args)
  return { ok: status === 0, said: `${stdout}${stderr}` }
}

const imports = () => {
  const roots = ['src', 'test', 'bench'].filter(root => existsSync(root))
  const tool = 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'
  const { stdout, stderr } = run([tool, ...roots, '--config', '.dependency-cruiser.mjs', '--output-type', 'json'])
  let report
  try {
    report = JSON.parse(stdout)
  } catch {
    return { ok: false, said: `dependency-cruiser gave no report.\n${stdout}${stderr}` }
  }
  const seen = report.modules.filter(module => /^(src|test|bench)\//.test(module.source)).length
  const because = new Map(report.summary.ruleSetUsed.forbidden.map(rule => [rule.name, rule.comment]))
  const said = report.summary.violations.map(
    ({ rule, from, to }) => `${from}\n  imports ${to}\n  ${rule.name}: ${because.get(rule.name)}`,
  )
  if (seen < leastModules)
    said.push(`Saw ${seen} modules, expected ${leastModules} or more: is TypeScript 6 installed?`)
  return { ok: said.length === 0, said: said.join('\n'), note: `${seen} modules` }
}

const biome = () => {
  const { status, stdout, stderr } = run(['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'])
  return { ok: status === 0, said: `${stdout}${stderr}` }
}

const checks = [
  ['types', passedWhenQuiet(['node_modules/typescript-7/bin/tsc', '-p', '.'])],
  ['imports', imports],
  ['format and lint', biome],
  ['unused code', passedWhenQuiet(['node_modules/knip/bin/knip.js', '--no-progress'])],
  ['tidy rules', passedWhenQuiet(['--test', '--test-reporter=spec', 'test/tidy.test.ts'])],
]

const only = process.argv.slice(2)
const failed = []
for (const [name, check] of checks) {
  if (only.length > 0 && !only.includes(name)) continue
  const started = performance.now()
  const { ok, said, note } = check()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${name}${note ? ` (${note})` : ''}, ${seconds} s`)
  if (ok) continue
  failed.push(name)
  console.log(said.trimEnd().replace(/^/gm, '      '))
}
if (failed.length > 0) console.log(`\nFailed: ${failed.join(', ')}. Formatting mends itself: npm run format`)
process.exit(failed.length > 0 ? 1 : 0)
