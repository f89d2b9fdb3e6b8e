import { rmSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { parseArgs } from 'node:util'
import { authorise } from './authorise.ts'
import { http } from './http.ts'
import { list } from './list.ts'
import type { Benchmark, Row, Wishes } from './measure.ts'
import { memory } from './memory.ts'
import { nbd } from './nbd.ts'
import { publish } from './publish.ts'
import { isMissed, lineOf, memberOf } from './report.ts'
import { start } from './start.ts'
import { store } from './store.ts'
import { vm } from './vm.ts'

const benchmarks: Readonly<Record<string, Benchmark>> = {
  http,
  list,
  authorise,
  start,
  publish,
  memory,
  nbd,
  store,
  vm,
}

const usage = `Usage: npm run bench -- NAME... [--json] [--record] [--quick] [--runs N] [--part PART]... [--peer TEXT]...
Names: ${Object.keys(benchmarks).join(', ')}
--quick is for \`store\`, \`vm\` and \`authorise\`, --runs and --part for \`store\` and \`vm\`, --peer for \`store\`: see bench/README.md.`

const flag = { type: 'boolean', default: false } as const
const options = { json: flag, record: flag, quick: flag, runs: { type: 'string' } } as const

const shape = () =>
  `${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(1)}`

const parse = (args: string[]) => {
  const many = { type: 'string', multiple: true } as const
  const more = { ...options, part: many, peer: many } as const
  const { values, positionals: names } = parseArgs({ args, options: more, allowPositionals: true })
  const { json, record, quick, part: parts = [], peer: peers = [] } = values
  const runs = values.runs === undefined ? undefined : Number(values.runs)
  const unknown = names.filter(name => !Object.hasOwn(benchmarks, name))
  if (names.length === 0 || unknown.length > 0)
    throw new TypeError(`No benchmark: ${unknown.join(', ') || 'none named'}`)
  if (runs !== undefined && !(Number.isInteger(runs) && runs >= 1)) throw new TypeError('--runs takes 1 or more.')
  return { names, json, record, wishes: { quick, runs, parts, peers } }
}

const main = async (args: string[]): Promise<number> => {
  let asked: ReturnType<typeof parse>
  try {
    asked = parse(args)
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`)
    return 2
  }
  const { names, wishes } = asked
  const rows: Row[] = []
  const lines: string[] = []
  const show = (line: string) => {
    lines.push(line)
    console.log(line)
  }
  console.log(shape())
  for (const name of names) rows.push(...(await runOne(name, wishes, show)))
  for (const row of rows) show(lineOf(row))
  if (asked.record) await record(names, lines)
  if (asked.json) console.log(JSON.stringify(Object.fromEntries(rows.map(memberOf))))
  return rows.some(isMissed) && !wishes.quick ? 1 : 0
}

const runOne = async (name: string, wishes: Wishes, show: (line: string) => void): Promise<Row[]> => {
  const folder = await fs.mkdtemp(path.join(process.env.OPENGALLERY_BENCH_FOLDER ?? os.tmpdir(), 'opengallery-bench-'))
  const undo: (() => unknown)[] = [() => fs.rm(folder, { recursive: true, force: true })]
  // Stores of several gigabytes must not stay behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
      process.exit(1)
    })
  try {
    const say = (line: string) => console.error(`  ${line}`)
    return (await benchmarks[name]?.({ folder, wishes, say, show, after: work => undo.push(work) })) ?? []
  } finally {
    for (const work of undo.reverse()) await work()
  }
}

/** Appends to bench/results/NAME.md: when, on what, and what came out. */
const record = async (names: readonly string[], lines: readonly string[]): Promise<void> => {
  const file = path.join(import.meta.dirname, 'results', `${names.join('-')}.md`)
  const entry = [`## ${new Date().toISOString().slice(0, 16)}Z`, '', shape(), '', '```', ...lines, '```', '', '']
  await fs.appendFile(file, entry.join('\n'))
}

process.exitCode = await main(process.argv.slice(2))
