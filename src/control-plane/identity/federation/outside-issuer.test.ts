import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readIssuers } from './outside-issuer.ts'

const read = (issuer: unknown) => readIssuers(JSON.stringify({ issuers: [issuer] }))

test('settings of issuers are read as they are meant', () => {
  const keycloak = {
    issuer: 'https://keycloak.example/realms/main',
    tenant: 'ABC',
    audiences: ['opengallery'],
    principals: [
      { claim: 'preferred_username', is: 'userPrincipalName' },
      { claim: 'sub', objectIds: { a: 'b' } },
    ],
  }
  assert.deepEqual(read(keycloak), [{ ...keycloak, tenant: 'abc', federation: false }])
  const ci = { issuer: 'https://token.example', federation: true }
  assert.deepEqual(read(ci), [{ ...ci, audiences: [], principals: [] }])
})

test('settings that can not be meant are refused with the reason', () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ issuer: 'http://keycloak.example', federation: true }, /must be an https URL/],
    [{ issuer: 'https://user@keycloak.example', federation: true }, /must be an https URL/],
    [{ issuer: 'file:///etc/passwd', federation: true }, /must be an https URL/],
    [{ issuer: 'https://x', federation: true, keys: 'http://elsewhere/keys' }, /'keys' must be/],
    [{ issuer: 'https://x' }, /of no use/],
    [{ issuer: 'https://x', audiences: ['a'] }, /whom the tokens stand for/],
    [{ issuer: 'https://x', federation: true, audience: 'a' }, /'audience' is no setting/],
    [{ issuer: 'https://x', federation: true, principals: [{ claim: 'sub' }] }, /a rule is/],
    [{ issuer: 'https://x', federation: 'yes' }, /'federation'/],
    ['https://x', /is an object/],
  ]
  for (const [issuer, reason] of refused) assert.throws(() => read(issuer), reason)
  assert.throws(() => readIssuers('[]'), /"issuers"/)
  assert.throws(() => readIssuers('{'), /not JSON/)
  const twice = { issuer: 'https://x', federation: true }
  assert.throws(() => readIssuers(JSON.stringify({ issuers: [twice, twice] })), /twice/)
})
