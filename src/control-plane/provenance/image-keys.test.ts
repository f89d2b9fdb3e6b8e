import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { openEnvelope } from './envelope.ts'
import { ImageKeysDamaged, openImageKeys } from './image-keys.ts'

const folder = async (context: { after(work: () => Promise<void>): void }) => {
  const made = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-keys-'))
  context.after(() => fs.rm(made, { recursive: true }))
  return path.join(made, 'image-keys.json')
}

test('what a key has signed stays good after it was replaced, and after a restart', async context => {
  const file = await folder(context)
  const parts = { files: nodeFiles, clock: new FakeClock() }
  const keys = await openImageKeys(file, parts)
  const old = keys.sign(Buffer.from('one'))
  await keys.rotate()
  const again = await openImageKeys(file, parts)
  assert.equal(again.all().length, 2)
  assert.equal(openEnvelope(old, again.all())?.payload.toString(), 'one')
  const young = again.sign(Buffer.from('two'))
  assert.notEqual(young.signatures[0]?.keyid, old.signatures[0]?.keyid)
  assert.equal(openEnvelope(young, again.all())?.key.keyid, again.all()[0]?.keyid)
})

test('two that replace the key at once replace it once, in the file as in memory', async context => {
  const file = await folder(context)
  const parts = { files: nodeFiles, clock: new FakeClock() }
  const keys = await openImageKeys(file, parts)
  await Promise.all([keys.rotate(), keys.rotate()])
  assert.equal(keys.all().filter(({ until }) => until === undefined).length, 1)
  const again = await openImageKeys(file, parts)
  assert.equal(again.all().length, 2)
  assert.ok(openEnvelope(again.sign(Buffer.from('one')), keys.all()))
  await keys.rotate()
  assert.equal(keys.all().length, 3)
})

test('the file is for its owner alone, and has one private half', async context => {
  const file = await folder(context)
  const keys = await openImageKeys(file, { files: nodeFiles, clock: new FakeClock() })
  await keys.rotate()
  assert.equal((await fs.stat(file)).mode & 0o077, 0)
  assert.equal((await fs.readFile(file, 'utf8')).match(/BEGIN PRIVATE KEY/g)?.length, 1)
})

test('a file that can not be read is not replaced', async context => {
  const file = await folder(context)
  for (const text of ['', '{', '{"keys":[]}', '{"keys":[{"privateKey":"x"}]}']) {
    await fs.writeFile(file, text)
    await assert.rejects(openImageKeys(file, { files: nodeFiles, clock: new FakeClock() }), ImageKeysDamaged)
    assert.equal(await fs.readFile(file, 'utf8'), text)
  }
})

test('an envelope that was changed anywhere opens for nobody', async context => {
  const keys = await openImageKeys(await folder(context), { files: nodeFiles, clock: new FakeClock() })
  const other = await openImageKeys(await folder(context), { files: nodeFiles, clock: new FakeClock() })
  const good = keys.sign(Buffer.from('{"a":1}'))
  const [signature = { keyid: '', sig: '' }] = good.signatures
  const [foreign = { keyid: '', sig: '' }] = other.sign(Buffer.from('{"a":1}')).signatures
  const changed: unknown[] = [
    { ...good, payload: Buffer.from('{"a":2}').toString('base64') },
    { ...good, payloadType: 'text/plain' },
    { ...good, signatures: [] },
    {
      ...good,
      signatures: [
        {
          ...signature,
          sig:
            `A${signature.sig.slice(1)}` === signature.sig
              ? `B${signature.sig.slice(1)}`
              : `A${signature.sig.slice(1)}`,
        },
      ],
    },
    { ...good, signatures: [{ ...foreign, keyid: signature.keyid }] },
    { ...good, signatures: [foreign] },
    { ...good, signatures: 'none' },
    { payload: 1 },
    null,
  ]
  for (const envelope of changed) assert.equal(openEnvelope(envelope as never, keys.all()), undefined)
  assert.ok(openEnvelope({ ...good, signatures: [foreign, signature] }, keys.all()))
})
