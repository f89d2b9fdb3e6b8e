import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import type { Registry } from '#arm/registry.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import { providersOf } from '#providers/index.ts'
import { errorsPage, errorTables } from './error-tables.ts'

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

/** The types as main.ts registers them; what they are made of is not touched before a request comes. */
const registeredTypes = (): string[] => {
  const untouched = new Proxy({}, { get: () => () => undefined })
  const registry: Registry = {
    providers: [],
    require: () => assert.fail('Nothing is looked up while types are made.'),
    findProviderAction: () => undefined,
  }
  const tenants = async () => []
  const providers = providersOf({
    registry: () => registry,
    tenants,
    allowedVhdHosts: [],
    identities: memoryIdentities(),
    publicAddresses: { first: 0, last: 0, prefixLength: 32 },
    homeSubscriptionId: '',
    ...({
      regions: untouched,
      blobs: untouched,
      catalog: untouched,
      log: untouched,
      hosting: untouched,
      deployments: untouched,
      access: untouched,
      findPrincipal: untouched,
      activityLog: untouched,
      signing: untouched,
    } as never as Pick<
      Parameters<typeof providersOf>[0],
      | 'regions'
      | 'blobs'
      | 'catalog'
      | 'log'
      | 'hosting'
      | 'deployments'
      | 'access'
      | 'findPrincipal'
      | 'activityLog'
      | 'signing'
    >),
  })
  return providers.flatMap(provider => provider.types.map(({ type }) => type)).sort()
}

test('docs/fidelity.md has a row for every registered type, and none for another', () => {
  const named = [...page('fidelity.md').matchAll(/^\| `(Microsoft\.[^`]+)` \|/gm)].map(match => match[1] ?? '')
  assert.deepEqual(named.toSorted(), registeredTypes())
})
