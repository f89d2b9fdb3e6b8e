import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAllowedHost } from './allowed-host.ts'

const table: readonly (readonly [url: string, entries: readonly string[], allowed: boolean])[] = [
  ['https://files.example.com/a', [], false],
  ['https://files.example.com/a', ['files.example.com'], true],
  ['https://FILES.example.com./a', ['Files.Example.Com'], true],
  ['https://files.example.com/a', ['*.example.com'], true],
  ['https://a.b.example.com/a', ['*.example.com'], true],
  ['https://example.com/a', ['*.example.com'], false],
  ['https://badexample.com/a', ['*.example.com'], false],
  ['https://example.com.evil.net/a', ['example.com', '*.example.com'], false],
  ['http://files.example.com/a', ['files.example.com'], false],
  ['http://files.example.com/a', ['http://files.example.com'], true],
  ['https://files.example.com/a', ['http://files.example.com'], false],
  ['https://files.example.com:8443/a', ['files.example.com'], false],
  ['https://files.example.com:8443/a', ['files.example.com:8443'], true],
  ['https://files.example.com/a', ['files.example.com:443'], true],
  ['https://10.0.0.1/a', ['*.0.0.1', '*.1'], false],
  ['https://10.0.0.1/a', ['10.0.0.1'], true],
  ['file:///etc/passwd', ['*', ''], false],
  ['https://files.example.com/a', ['*', '*.', 'https://', '*.com.'], false],
]

test('only the hosts of the list are allowed, with their scheme and port', () => {
  for (const [url, entries, allowed] of table)
    assert.equal(isAllowedHost(new URL(url), entries), allowed, `${url} by ${entries.join(' ')}`)
})
