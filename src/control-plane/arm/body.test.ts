import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import type { JsonObject } from '#resources/resource-document.ts'
import { ArmError } from './arm-error.ts'
import { mergeBody } from './merge-body.ts'
import { readBody } from './read-body.ts'
import { nodeOf } from './schema-marks.ts'

const schema = nodeOf(
  Type.Object({
    properties: Type.Object({
      osType: Type.Union([Type.Literal('Linux'), Type.Literal('Windows')], { immutable: true }),
      description: Type.Optional(Type.String()),
      eula: Type.Optional(Type.String({ immutable: true, emptyIsAbsent: true })),
      sourceId: Type.Optional(Type.String({ format: 'arm-id', immutable: true })),
      endOfLifeDate: Type.Optional(Type.String({ format: 'date-time' })),
      state: Type.Optional(Type.String({ readOnly: true })),
      replicaCount: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })),
      sharing: Type.Optional(Type.Object({ groups: Type.Optional(Type.Array(Type.String())) }, { keep: true })),
      restore: Type.Optional(Type.Boolean({ writeOnly: true })),
      profile: Type.Optional(
        Type.Object({
          hostCaching: Type.Optional(Type.String({ default: 'None' })),
          source: Type.Optional(Type.Object({ id: Type.Optional(Type.String()) }, { immutable: true })),
        }),
      ),
      labels: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  }),
)

const put = (body: JsonObject, stored?: JsonObject, verb: 'PUT' | 'PATCH' = 'PUT') =>
  mergeBody(schema, stored, readBody(schema, body, { path: 'thing', keepNull: verb === 'PATCH' }), verb, 'thing')
    .properties as JsonObject

const refusal = (work: () => unknown): ArmError => {
  try {
    work()
  } catch (error) {
    if (error instanceof ArmError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const stored = {
  properties: {
    osType: 'Linux',
    eula: 'mine',
    state: 'ok',
    replicaCount: 3,
    sharing: { groups: ['a'] },
    profile: { hostCaching: 'ReadOnly', source: { id: 'x' } },
  },
}

test('literals are matched in any case, dates and empty strings brought to one form, defaults filled in', () => {
  const read = put({ properties: { osType: 'LINUX', eula: '', endOfLifeDate: '2030-12-31', Description: 'd' } })
  assert.deepEqual(read, {
    osType: 'Linux',
    description: 'd',
    endOfLifeDate: '2030-12-31T00:00:00.000Z',
    replicaCount: 1,
    profile: { hostCaching: 'None' },
  })
})

const refused: [string, JsonObject, number, string, string][] = [
  ['an unknown member', { osType: 'Linux', colour: 1 }, 400, 'BadRequest', 'thing.properties.colour'],
  ['a wrong type', { osType: 'Linux', replicaCount: '3' }, 400, 'BadRequest', 'thing.properties.replicaCount'],
  ['an unknown literal', { osType: 'BeOS' }, 400, 'InvalidParameter', 'thing.properties.osType'],
  ['a missing member', {}, 400, 'InvalidParameter', 'thing.properties.osType'],
  [
    'a number out of range',
    { osType: 'Linux', replicaCount: 101 },
    400,
    'InvalidParameter',
    'thing.properties.replicaCount',
  ],
  [
    'no date',
    { osType: 'Linux', endOfLifeDate: 'soon' },
    400,
    'InvalidRequestContent',
    'thing.properties.endOfLifeDate',
  ],
  ['no id', { osType: 'Linux', sourceId: 'img' }, 400, 'InvalidParameter', 'thing.properties.sourceId'],
]
for (const [what, properties, status, code, target] of refused)
  test(`${what} is refused with its path`, () => {
    const error = refusal(() => put({ properties }))
    assert.deepEqual([error.status, error.code, error.target], [status, code, target])
  })

test('a PUT that leaves out what clients do not send back changes none of it', () => {
  const merged = put({ properties: { profile: {} } }, stored)
  assert.deepEqual(merged, {
    osType: 'Linux',
    eula: 'mine',
    state: 'ok',
    replicaCount: 1,
    sharing: { groups: ['a'] },
    profile: { hostCaching: 'None', source: { id: 'x' } },
  })
})

test('what GET gave can be put back as it is, read-only members included', () => {
  assert.deepEqual(put(stored, stored), stored.properties)
})

test('an immutable member may be repeated, not changed, added or moved', () => {
  assert.equal(refusal(() => put({ properties: { eula: 'other' } }, stored)).code, 'PropertyChangeNotAllowed')
  assert.equal(
    refusal(() => put({ properties: { sourceId: '/subscriptions/s/x/y' } }, stored)).target,
    'thing.properties.sourceId',
  )
  const error = refusal(() => put({ properties: { profile: { source: { id: 'y' } } } }, stored))
  assert.equal(error.message, "Changing property 'thing.properties.profile.source.id' is not allowed.")
})

test('a PATCH keeps what it does not name and clears with null', () => {
  const merged = put({ properties: { description: 'new', replicaCount: null } }, stored, 'PATCH')
  assert.deepEqual([merged.description, merged.replicaCount, merged.osType], ['new', 1, 'Linux'])
})

test('write-only members are never stored', () => {
  assert.equal('restore' in put({ properties: { osType: 'Linux', restore: true } }), false)
})

test('a URI that is signed anew is the same, and is handed on with its signature', () => {
  const signed = nodeOf(
    Type.Object({
      source: Type.Object({ uri: Type.Optional(Type.String({ format: 'signed-uri' })) }, { immutable: true }),
    }),
  )
  const put = (uri: string) => mergeBody(signed, { source: { uri: 'https://h/a' } }, { source: { uri } }, 'PUT', 'disk')
  assert.deepEqual(put('https://h/a?sig=x'), { source: { uri: 'https://h/a?sig=x' } })
  assert.deepEqual(put('https://h/a'), { source: { uri: 'https://h/a' } })
  for (const other of ['https://h/b?sig=x', 'https://h/', 'https://h/ab'])
    assert.throws(() => put(other), { code: 'PropertyChangeNotAllowed' })
})
