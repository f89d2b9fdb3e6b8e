import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { errorsPage, errorTables } from './error-tables.ts'
import { registeredTypes } from './support/registered-types.ts'

const page = (name: string) => fs.readFileSync(path.join(import.meta.dirname, '../docs', name), 'utf8')
const rowsOf = (text: string) => text.split('\n').filter(line => /^\| (?!code \|)/.test(line))

test('docs/errors.md lists every row of every error table, and nothing else', async () => {
  const tables = await errorTables()
  const expected = errorsPage(tables)
  assert.ok(tables.flatMap(({ lines }) => lines).length > 150, 'Far fewer errors than there are: the search is broken.')
  const [listed, there] = [rowsOf(page('errors.md')), rowsOf(expected)]
  assert.deepEqual(
    { missing: there.filter(row => !listed.includes(row)), stale: listed.filter(row => !there.includes(row)) },
    { missing: [], stale: [] },
    'npm run docs:errors writes the page anew.',
  )
  assert.equal(page('errors.md'), expected, 'npm run docs:errors writes the page anew.')
})

test('every error has a code, a status and a word on when it is given', async () => {
  for (const { title, lines } of await errorTables()) {
    assert.ok(lines.length > 0, title)
    for (const { code, status, text } of lines) {
      assert.match(code, /^[A-Za-z0-9_]+$/, title)
      assert.ok(status >= 304 && status < 600, `${title} ${code}`)
      assert.ok(text.length > 3, `${title} ${code}`)
    }
  }
})

test('docs/fidelity.md has a row for every registered type, and none for another', () => {
  const named = [...page('fidelity.md').matchAll(/^\| `(Microsoft\.[^`]+)` \|/gm)].map(match => match[1] ?? '')
  assert.deepEqual(
    named.toSorted(),
    registeredTypes()
      .map(({ type }) => type)
      .sort(),
  )
})
