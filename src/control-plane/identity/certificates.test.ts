import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import * as tls from 'node:tls'
import { FakeClock } from '#foundation/clock.ts'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { systemRandom } from '#foundation/random.ts'
import { prepareCertificates } from './certificates.ts'
import { failingFiles, PowerCut } from './failing-files.ts'

const dayMs = 24 * 3600_000

const inFolder = async (work: (folder: string) => Promise<void>) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'certificates-'))
  try {
    await work(folder)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

const prepare = (folder: string, hosts: string[] = [], clock = new FakeClock(), files: Files = nodeFiles) =>
  prepareCertificates(folder, hosts, { files, clock, random: systemRandom })

/** Connects for real; rejects when the client doesn't trust the server. */
const handshake = async (made: { key: string; cert: string; ca: string }, host: string): Promise<void> => {
  const server = tls.createServer({ key: made.key, cert: made.cert }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  try {
    await new Promise<void>((resolve, reject) => {
      const client = tls.connect({ port, host: '127.0.0.1', ca: made.ca, servername: host === '127.0.0.1' ? '' : host })
      client.once('secureConnect', () => {
        client.destroy()
        resolve()
      })
      client.once('error', reject)
    })
  } finally {
    server.close()
  }
}

test('clients that trust ca.pem trust the server under each of its names, and under no other', () =>
  inFolder(async folder => {
    const made = await prepare(
      folder,
      ['images.example.org', '10.1.2.3', 'fd00::1'],
      new FakeClock(new Date().toISOString()),
    )
    await handshake(made, '127.0.0.1')
    await handshake(made, 'localhost')
    await handshake(made, 'images.example.org')
    await assert.rejects(handshake(made, 'other.example.org'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    const x509 = new X509Certificate(made.cert)
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', 'fd00::1']) assert.equal(x509.checkIP(address), address)
    const lifeMs = Date.parse(x509.validTo) - Date.parse(x509.validFrom)
    assert.ok(lifeMs <= 397 * dayMs, `${lifeMs / dayMs} days`)
  }))

const openssl = 'openssl'
const noOpenssl = spawnSync(openssl, ['version']).error ? 'openssl is not installed' : false

test('OpenSSL accepts the chain in its strict mode, which Python 3.13 uses', { skip: noOpenssl }, () =>
  inFolder(async folder => {
    await prepare(folder, ['images.example.org'], new FakeClock(new Date().toISOString()))
    const { ca, server } = { ca: path.join(folder, 'ca.pem'), server: path.join(folder, 'server.pem') }
    const said = execFileSync(openssl, ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, server])
    assert.match(said.toString(), /: OK/)
  }),
)

test('nobody but the owner may read the keys', () =>
  inFolder(async folder => {
    await prepare(folder)
    for (const name of ['ca-key.pem', 'server.pem'])
      assert.equal((await fs.stat(path.join(folder, name))).mode & 0o777, 0o600, name)
  }))

test('a later start keeps what is good, and renews what is nearly over, for other hosts, or damaged', () =>
  inFolder(async folder => {
    const clock = new FakeClock()
    const first = await prepare(folder, [], clock)
    assert.equal(first.isNewAuthority, true)
    assert.deepEqual(await prepare(folder, [], clock), { ...first, isNewAuthority: false })

    const renewed = async (hosts: string[], than: { cert: string }) => {
      const made = await prepare(folder, hosts, clock)
      assert.equal(made.ca, first.ca)
      assert.notEqual(made.cert, than.cert)
      return made
    }
    const wider = await renewed(['gallery.example.org'], first)
    const narrower = await renewed([], wider)
    clock.advance(397 * dayMs * (2 / 3) - dayMs)
    assert.equal((await prepare(folder, [], clock)).cert, narrower.cert)
    clock.advance(2 * dayMs)
    const later = await renewed([], narrower)
    await fs.writeFile(path.join(folder, 'server.pem'), 'damaged')
    await renewed([], later)
  }))

test('the authority is replaced, and clients are to be told, before it could end within the life of a server', () =>
  inFolder(async folder => {
    const clock = new FakeClock()
    const first = await prepare(folder, [], clock)
    clock.advance((3650 - 396) * dayMs)
    const made = await prepare(folder, [], clock)
    assert.equal(made.isNewAuthority, true)
    assert.notEqual(made.ca, first.ca)
    assert.equal(new X509Certificate(made.cert).verify(new X509Certificate(made.ca).publicKey), true)
  }))

test('a power cut at any change leaves a folder that the next start makes whole', () =>
  inFolder(async root => {
    const whole = failingFiles(nodeFiles, Number.POSITIVE_INFINITY)
    await prepare(path.join(root, 'whole'), [], new FakeClock(), whole)
    for (let nth = 1; nth <= whole.changes(); nth++) {
      const folder = path.join(root, String(nth))
      await assert.rejects(prepare(folder, [], new FakeClock(), failingFiles(nodeFiles, nth)), PowerCut)
      const made = await prepare(folder)
      const authority = new X509Certificate(await fs.readFile(made.caFile))
      assert.equal(new X509Certificate(made.cert).verify(authority.publicKey), true)
    }
  }))

test('a host that is neither a name nor an address is refused', () =>
  inFolder(async folder => {
    for (const host of ['a b', 'x\ny', '', '-x', 'http://x'])
      await assert.rejects(prepare(folder, [host]), /neither a host name nor an IP address/)
  }))
