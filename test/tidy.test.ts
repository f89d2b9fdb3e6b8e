import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'

/**
 * The house rules that a program can check. Each rule carries an example that breaks it, and is tried on it first: a rule that
 * can't fail says nothing.
 */
interface Rule {
  readonly name: string
  find(files: readonly SourceFile[]): string[]
  readonly broken: readonly SourceFile[]
}

interface SourceFile {
  readonly path: string
  readonly text: string
}

const root = path.join(import.meta.dirname, '..')
const skipped = new Set(['node_modules', '.git', '.venv', '.cache', 'data', 'tmp'])

const walk = (folder: string): string[] =>
  fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (skipped.has(entry.name)) return []
    return entry.isDirectory() ? walk(name) : entry.isFile() ? [name] : []
  })

const textual = /[.](ts|mjs|md|json|txt|yml|sh)$|(^|\/)(run|LICENSE|[.]npmrc|[.]gitignore)$/
const repository: SourceFile[] = walk('')
  .filter(name => textual.test(name))
  .map(name => ({ path: name, text: fs.readFileSync(path.join(root, name), 'utf8') }))

const isCode = (file: SourceFile) => /^(src|test|bench|bin|scripts)\/.*[.](ts|mjs)$/.test(file.path)
const isProduct = (file: SourceFile) =>
  /^(src|bin)\//.test(file.path) && !/[.](test|contract)[.]ts$|\/test-[^/]+[.]ts$/.test(file.path)
const lines = (file: SourceFile) => file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0)
const long = (count: number) => 'let x\n'.repeat(count)

/** What a regular expression finds, line by line. Comment lines may speak of what code may not do. */
const linesWith = (pattern: RegExp, which: (file: SourceFile) => boolean, commentsToo = false) => {
  return (files: readonly SourceFile[]) =>
    files.filter(which).flatMap(file =>
      file.text.split('\n').flatMap((line, index) => {
        if (!commentsToo && /^\s*([*]|[/][/*])/.test(line)) return []
        return pattern.test(line) ? [`${file.path}:${index + 1}: ${line.trim().slice(0, 120)}`] : []
      }),
    )
}

/** Files that are longer than they should be, with the length they may not grow beyond. Split one, and it leaves this list. */
const tooLongSoFar: Readonly<Record<string, number>> = {}
const mostLines = 400

/** Written in two parts, so that the rules do not find themselves. */
const word = (...parts: string[]) => parts.join('')
const bannedWords = 'utils?|helpers?|common|misc|manager|service|impl|factory|handler'
const banned = new RegExp(`^(${bannedWords})$`, 'i')
const wordsOf = (name: string) => name.split(/[-._]|(?<=[a-z0-9])(?=[A-Z])/)

const rules: readonly Rule[] = [
  {
    name: 'a file says one thing, in 400 lines at most',
    find: files =>
      files
        .filter(isCode)
        .filter(file => lines(file) > (tooLongSoFar[file.path] ?? mostLines))
        .map(file => `${file.path} has ${lines(file)} lines`),
    broken: [{ path: 'src/a.ts', text: long(401) }],
  },
  {
    name: 'foundation has at most 10 files of at most 150 lines',
    find: files => {
      const floor = files.filter(file => isProduct(file) && file.path.startsWith('src/foundation/'))
      const longOnes = floor.filter(file => lines(file) > 150).map(file => `${file.path} has ${lines(file)} lines`)
      return floor.length > 10 ? [...longOnes, `foundation has ${floor.length} files`] : longOnes
    },
    broken: [{ path: 'src/foundation/a.ts', text: long(151) }],
  },
  {
    name: 'no file is named after nothing',
    find: files =>
      files
        .filter(isCode)
        .filter(file => file.path.split('/').some(part => wordsOf(part).some(part => banned.test(part))))
        .map(file => file.path),
    broken: [{ path: 'src/arm/request-helpers.ts', text: '' }],
  },
  {
    name: 'no export is named after nothing',
    find: files =>
      files.filter(isCode).flatMap(file =>
        [...file.text.matchAll(/^export (?:abstract |async )?(?:const|function[*]?|class|interface|type|let) (\w+)/gm)]
          .map(match => (match[1] ?? '').replace('ResourceManager', 'Azure'))
          .filter(
            name =>
              /^I[A-Z][a-z]|^[A-Z]\w*Base$|^Base[A-Z]/.test(name) || wordsOf(name).some(part => banned.test(part)),
          )
          .map(name => `${file.path} exports ${name}`),
      ),
    broken: [{ path: 'src/a.ts', text: 'export class DiskManager {}\n' }],
  },
  {
    name: 'time and chance come from foundation, as parameters',
    find: linesWith(
      /(?<![.\w])(Date[.]now|Math[.]random|setTimeout|setInterval|performance[.]now)\b|new Date\(\)|node:timers/,
      file => isProduct(file) && file.path.startsWith('src/') && !file.path.startsWith('src/foundation/'),
    ),
    broken: [{ path: 'src/a.ts', text: 'const late = Date.now()\n' }],
  },
  {
    name: 'no default exports',
    find: linesWith(/^export default\b/, isCode),
    broken: [{ path: 'src/a.ts', text: 'export default 1\n' }],
  },
  {
    name: 'no path of somebody’s machine',
    find: linesWith(new RegExp(word('(^|[^.\\w])/(wo', 'rk|ro', 'ot|ho', 'me|Us', 'ers)/\\w')), () => true, true),
    broken: [{ path: 'docs/a.md', text: word('see /ho', 'me/ann/x\n') }],
  },
  {
    name: 'no name of a package registry',
    find: linesWith(
      new RegExp(word('npm', 'js[.](org|com)|py', 'pi[.]org|python', 'hosted|registry[.]', 'yarnpkg'), 'i'),
      () => true,
      true,
    ),
    broken: [{ path: 'package-lock.json', text: word('"https://registry.npm', 'js.org/x"\n') }],
  },
  {
    name: 'the lock file records no addresses',
    find: linesWith(/"resolved":/, file => file.path === 'package-lock.json'),
    broken: [{ path: 'package-lock.json', text: '  "resolved": "x"\n' }],
  },
  {
    name: 'nothing is left to be finished',
    find: linesWith(new RegExp(word('\\b(FIX', 'ME|TO', 'DO|XX', 'X)\\b')), isCode, true),
    broken: [{ path: 'src/a.ts', text: word('// FIX', 'ME later\n') }],
  },
  {
    name: 'no test is switched off',
    find: linesWith(/\b(test|describe|it)[.](only|todo|skip)\b|\bskip: true\b/, isCode),
    broken: [{ path: 'src/a.test.ts', text: word('test', ".only('x', () => {})\n") }],
  },
  {
    name: 'every link of the documentation leads somewhere',
    find: files => files.filter(file => file.path.endsWith('.md')).flatMap(file => deadLinks(file, files)),
    broken: [{ path: 'docs/a.md', text: '[gone](gone.md)' }],
  },
  {
    name: 'comments say why: 7 % of product lines or more, 25 % at most',
    find: files => {
      const all = files.filter(isProduct).flatMap(file => file.text.split('\n').filter(line => line.trim() !== ''))
      const share = all.filter(line => /^\s*([*]|[/][/*])|\s[/][/] /.test(line)).length / Math.max(all.length, 1)
      return share < 0.07 || share > 0.25 ? [`${(share * 100).toFixed(1)} % of the lines are comments`] : []
    },
    broken: [{ path: 'src/a.ts', text: long(100) }],
  },
]

const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

const deadLinks = (file: SourceFile, files: readonly SourceFile[]): string[] => {
  const prose = file.text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return []
    const [where = '', anchor] = link.split('#')
    const target = where === '' ? file.path : path.posix.join(path.posix.dirname(file.path), where)
    if (!fs.existsSync(path.join(root, target))) return [`${file.path} links to ${link}`]
    const text = files.find(other => other.path === target)?.text
    const headings = [...(text ?? '').matchAll(/^#+ (.*)$/gm)].map(match => slug(match[1] ?? ''))
    return anchor && text && !headings.includes(anchor) ? [`${file.path} links to ${link}, which is no heading`] : []
  })
}

for (const rule of rules) {
  test(rule.name, () => {
    assert.notDeepEqual(rule.find(rule.broken), [], 'The rule does not see the example that breaks it.')
    assert.deepEqual(rule.find(repository), [])
  })
}

test('the list of files that are too long only shrinks', () => {
  for (const [name, allowed] of Object.entries(tooLongSoFar)) {
    const file = repository.find(candidate => candidate.path === name)
    assert.ok(file && lines(file) > mostLines, `${name} no longer needs its place in the list.`)
    assert.equal(lines(file), allowed, `${name} has another length now; put that number in the list if it is smaller.`)
  }
})

test('the walk saw the repository', () => {
  assert.ok(
    repository.filter(isProduct).length >= 100,
    'Far fewer files than there are: the rules above looked at nothing.',
  )
})
