import * as fs from 'node:fs'
import * as path from 'node:path'

/** A row of docs/errors.md. */
export interface ErrorLine {
  readonly code: string
  readonly status: number
  /** When it is given, or what it says. */
  readonly text: string
}

export interface ErrorTable {
  readonly title: string
  readonly lines: readonly ErrorLine[]
}

const root = path.join(import.meta.dirname, '..')

const sources = (folder: string): string[] =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map(name => path.join(folder, name))
    .sort()

type Callable = ((...values: unknown[]) => Error) & Partial<{ status: number; code: string; when: string }>

/** The exported objects of a file whose members are all functions: what an error table looks like. */
const tablesOf = async (file: string): Promise<Callable[]> => {
  const module = (await import(path.join(root, file))) as Record<string, unknown>
  return Object.values(module)
    .filter(value => typeof value === 'object' && value !== null)
    .map(value => Object.values(value as object))
    .filter(members => members.length > 0 && members.every(member => typeof member === 'function'))
    .flat() as Callable[]
}

/** Every file that declares rows of ARM's tables, wherever it stands. */
const declaresRows = (file: string) => /\brow\(\s*\d{3},/.test(fs.readFileSync(path.join(root, file), 'utf8'))

const armTables = async (): Promise<ErrorTable[]> => {
  const tables: ErrorTable[] = []
  for (const file of [...sources('src/control-plane'), ...sources('src/installation')].filter(declaresRows)) {
    const rows = (await tablesOf(file)).filter(row => row.when !== undefined)
    const lines = rows.map(row => ({ code: row.code ?? '', status: row.status ?? 0, text: row.when ?? '' }))
    tables.push({ title: titleOf(file), lines })
  }
  return tables
}

const titleOf = (file: string): string => {
  const providers = 'src/control-plane/providers/'
  if (file.startsWith('src/installation/')) return "The installation's own endpoints"
  if (!file.startsWith(providers)) return 'Every resource type'
  return path.dirname(file.slice(providers.length)).replace(/^([^/]+)$/, '$1 as a whole')
}

/** Tables of plain functions: the rows are made with stand-ins for what they name. */
const called = async <Refusal extends Error>(
  title: string,
  file: string,
  line: (refusal: Refusal) => ErrorLine,
  argument?: object,
): Promise<ErrorTable> => {
  const made = (await tablesOf(file)).map(make => make(...(argument ? Array(6).fill(argument) : [])) as Refusal)
  return { title, lines: made.map(line) }
}

/** Every refusal that the server can give, read from the tables in the code. */
export const errorTables = async (): Promise<ErrorTable[]> => [
  ...(await armTables()),
  await called<Error & { status: number; code: string }>(
    'The Blob endpoint',
    'src/data-plane/blobs/storage-error.ts',
    ({ code, status, message }) => ({ code, status, text: message }),
  ),
  await called<Error & { status: number; error: string }>(
    'Signing in',
    'src/control-plane/identity/oauth-refused.ts',
    ({ error, status, message }) => ({ code: error, status, text: message }),
    { toString: () => '…', toISOString: () => '…', slice: () => '…' },
  ),
  await called<Error & { status: number; code: string }>(
    'Microsoft Graph',
    'src/control-plane/graph/graph-error.ts',
    ({ code, status, message }) => ({ code, status, text: message }),
    { toString: () => '(...)', slice: () => '...', join: () => '...' },
  ),
]

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** The tables as docs/errors.md shows them. */
export const errorsPage = (tables: readonly ErrorTable[]): string =>
  [
    '# Errors',
    '',
    'Every refusal that the server gives, read from its tables by `npm run docs:errors`; a test compares both. ARM answers',
    '`{"error": {"code", "message", "target", "details"}}`, the Blob endpoint `<Error><Code/><Message/></Error>`, sign-in',
    '`{"error", "error_description", "error_codes"}`. Codes and sentences are those of Azure wherever its own are known; what Azure never says,',
    'because it is never refused there, is in [fidelity.md](fidelity.md).',
    ...tables.flatMap(({ title, lines }) => [
      '',
      `## ${title}`,
      '',
      '| code | status | when |',
      '|---|---|---|',
      ...lines.map(({ code, status, text }) => `| ${cell(code)} | ${status} | ${cell(text)} |`),
    ]),
    '',
  ].join('\n')
