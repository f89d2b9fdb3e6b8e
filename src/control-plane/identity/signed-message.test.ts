import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { systemRandom } from '#foundation/random.ts'
import { prepareCertificates } from './certificates.ts'
import { signedMessage } from './signed-message.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

test('OpenSSL finds the message, the signer and the authority behind it, and any change of a bit', {
  skip: hasOpenssl ? false : 'openssl is not installed',
}, async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signed-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const parts = { files: nodeFiles, clock: systemClock, random: systemRandom }
  const { key, cert, caFile } = await prepareCertificates(folder, [], parts)
  const message = Buffer.from('{"vmId":"1"}')
  const signed = signedMessage(message, createPrivateKey(key), [new X509Certificate(cert)], systemClock.now())
  const verify = async (bytes: Uint8Array) => {
    const file = path.join(folder, 'signed.der')
    await fs.writeFile(file, bytes)
    const args = ['cms', '-verify', '-inform', 'DER', '-in', file, '-CAfile', caFile, '-purpose', 'any', '-binary']
    return spawnSync('openssl', args, { encoding: 'utf8' })
  }
  const { status, stdout, stderr } = await verify(signed)
  assert.deepEqual([status, stdout], [0, message.toString()], stderr)
  const changed = Buffer.from(signed)
  const at = changed.indexOf(message)
  changed[at + 2] = (changed[at + 2] ?? 0) ^ 1
  assert.notEqual((await verify(changed)).status, 0)
})
