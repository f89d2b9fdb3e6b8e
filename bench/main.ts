import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { http } from './http.ts'
import { list } from './list.ts'
import { type Benchmark, type Measure, ratioOf } from './measure.ts'
import { memory } from './memory.ts'
import { publish } from './publish.ts'
import { start } from './start.ts'

const benchmarks: Readonly<Record<string, Benchmark>> = { http, list, start, publish, memory }

const shape = () =>
  `${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(1)}`

const rounded = (value: number) => Number(value.toPrecision(4))

const main = async (args: readonly string[]): Promise<number> => {
  const names = args.filter(arg => !arg.startsWith('--'))
  const asJson = args.includes('--json')
  const unknown = names.filter(name => !benchmarks[name])
  if (names.length === 0 || unknown.length > 0) {
    console.error(`Usage: npm run bench -- NAME... [--json] [--record]\nNames: ${Object.keys(benchmarks).join(', ')}`)
    return 2
  }
  const measures: Measure[] = []
  console.log(shape())
  for (const name of names) measures.push(...(await runOne(name)))
  const missed = measures.filter(measure => ratioOf(measure) > measure.must)
  const lines = measures.map(
    measure =>
      `${missed.includes(measure) ? 'MISSED' : 'kept  '}  ${measure.metric}: ${rounded(measure.ours)} ${measure.unit}, ` +
      `${ratioOf(measure)} times ${measure.name} (${rounded(measure.beside)} ${measure.unit}), at most ${measure.must}`,
  )
  console.log(lines.join('\n'))
  if (args.includes('--record')) await record(names, lines)
  if (asJson) console.log(JSON.stringify(Object.fromEntries(measures.map(asMember))))
  return missed.length > 0 ? 1 : 0
}

const asMember = (measure: Measure) => {
  const { metric, unit, ours, beside, name, must } = measure
  return [metric, { ours: rounded(ours), beside: rounded(beside), name, ratio: ratioOf(measure), must, unit }]
}

const runOne = async (name: string): Promise<Measure[]> => {
  const folder = await fs.mkdtemp(path.join(process.env.OPENGALLERY_BENCH_FOLDER ?? os.tmpdir(), 'opengallery-bench-'))
  const undo: (() => unknown)[] = [() => fs.rm(folder, { recursive: true, force: true })]
  try {
    const say = (line: string) => console.error(`  ${line}`)
    return (await benchmarks[name]?.({ folder, say, after: work => undo.push(work) })) ?? []
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
