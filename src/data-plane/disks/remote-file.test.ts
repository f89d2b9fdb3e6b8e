import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { HostNotAllowed, internet, type Network, openRemoteFile, RemoteFileFailed } from './remote-file.ts'

const sizeBytes = 5 * 2 ** 20 + 1234
const content = Buffer.alloc(sizeBytes)
for (let at = 0; at < sizeBytes; at += 32) createHash('sha256').update(String(at)).digest().copy(content, at)

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void

const serveRanges: Handler = (request, response) => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  const [from, to] = [Number(first), Math.min(Number(last), sizeBytes - 1)]
  response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${sizeBytes}`, etag: '"1"' })
  response.end(content.subarray(from, to + 1))
}

const servers: http.Server[] = []
after(() => {
  for (const server of servers) server.close().closeAllConnections()
})
const serve = async (handler: Handler, server: http.Server = http.createServer()): Promise<number> => {
  servers.push(server.on('request', handler))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const impatient = { now: () => new Date(), sleep: async () => {} }
/** Every name is this machine, and this machine may be asked. */
const loopback: Network = { clock: impatient, resolve: async () => ['127.0.0.1'], isReachable: () => true }

const openAt = (port: number, path = '/disk.vhd?sig=secret', network = loopback) =>
  openRemoteFile(
    `http://files.example.com:${port}${path}`,
    { allowedHosts: [`http://files.example.com:${port}`] },
    undefined,
    network,
  )

// Made for this test: a certificate for files.example.com that signs itself, good until 2051.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtalwXcD2nC+etn3d
ke1/NdPZZtHuvnOssmDMSbmOtSyhRANCAARv0mqQgJjDiaFGkjHrUtmgxYDW7X6k
N0vtccrTxWHleSKmtiqKsa8ruRxDrKCgexH5mJZsZQ0NFH49vLzAbz0w
-----END PRIVATE KEY-----
`
const certificate = `-----BEGIN CERTIFICATE-----
MIIBrjCCAVOgAwIBAgIUSxxQIf8xz3UgEFjy5C8RGGgu4EowCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRZmlsZXMuZXhhbXBsZS5jb20wIBcNMjYxMTIzMTc0NDAzWhgP
MjA1MTA3MTUxNzQ0MDNaMBwxGjAYBgNVBAMMEWZpbGVzLmV4YW1wbGUuY29tMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEb9JqkICYw4mhRpIx61LZoMWA1u1+pDdL
7XHK08Vh5XkiprYqirGvK7kcQ6ygoHsR+ZiWbGUNDRR+Pby8wG89MKNxMG8wHQYD
VR0OBBYEFOHHvtj3iqhvbO4ZPjpN+Wv9xiUkMB8GA1UdIwQYMBaAFOHHvtj3iqhv
bO4ZPjpN+Wv9xiUkMA8GA1UdEwEB/wQFMAMBAf8wHAYDVR0RBBUwE4IRZmlsZXMu
ZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSQAwRgIhANQp0QvJFFzwfHgPdnd9dzk1
gGD/rFW2iPbAKI01Oa3oAiEAvAX2+IoEPw1UIrWMXR/OZfCo6lTFX7gzHUSkjJWB
s1U=
-----END CERTIFICATE-----
`

describe('reading', () => {
  test('any range of the file, across blocks, with the name of the host and the query sent along', async () => {
    const seen: string[] = []
    const port = await serve((request, response) => {
      seen.push(`${request.headers.host} ${request.url}`)
      serveRanges(request, response)
    })
    const file = await openAt(port)
    assert.equal(file.sizeBytes, sizeBytes)
    const whole = Buffer.alloc(sizeBytes)
    await file.read(0, whole)
    assert.ok(whole.equals(content))
    const part = Buffer.alloc(10_000)
    await file.read(4 * 2 ** 20 - 5000, part)
    assert.ok(part.equals(content.subarray(4 * 2 ** 20 - 5000, 4 * 2 ** 20 + 5000)))
    await assert.rejects(file.read(sizeBytes - 1, Buffer.alloc(2)), RangeError)
    await file.close()
    assert.deepEqual([...new Set(seen)], [`files.example.com:${port} /disk.vhd?sig=secret`])
    assert.equal(seen.length, 3, 'one request for the size, one for each block')
  })

  test('over TLS, with the certificate checked against the name', async () => {
    const port = await serve(serveRanges, https.createServer({ key, cert: certificate }))
    const network = { ...loopback, certificateAuthority: certificate }
    const open = (host: string, with_: Network) =>
      openRemoteFile(`https://${host}:${port}/x`, { allowedHosts: [`${host}:${port}`] }, undefined, with_)
    const file = await open('files.example.com', network)
    const end = Buffer.alloc(100)
    await file.read(sizeBytes - 100, end)
    assert.ok(end.equals(content.subarray(sizeBytes - 100)))
    await file.close()
    await assert.rejects(open('other.example.com', network), RemoteFileFailed)
    await assert.rejects(open('files.example.com', loopback), RemoteFileFailed)
  })

  test('a server that breaks off or is overloaded is asked again', async () => {
    let count = 0
    const port = await serve((request, response) => {
      count++
      if (count === 1) return request.socket.destroy()
      if (count === 2) return response.writeHead(503).end()
      serveRanges(request, response)
    })
    const file = await openAt(port)
    assert.equal(file.sizeBytes, sizeBytes)
    assert.equal(count, 3)
    await file.close()
  })

  test('an abort ends the waiting', async () => {
    const port = await serve(() => {})
    const stop = new AbortController()
    const allowedHosts = [`http://files.example.com:${port}`]
    const opening = openRemoteFile(`http://files.example.com:${port}/x`, { allowedHosts }, stop.signal, loopback)
    stop.abort(new Error('enough'))
    await assert.rejects(opening)
  })
})

describe('refusing', () => {
  const hostile: Record<string, Handler> = {
    'no ranges': (_request, response) => response.writeHead(200).end(content),
    'another range': (_request, response) =>
      response.writeHead(206, { 'content-range': `bytes 5-5/${sizeBytes}` }).end('x'),
    'an absurd size': (_request, response) =>
      response.writeHead(206, { 'content-range': `bytes 0-0/${2 ** 50}` }).end('x'),
    'too many bytes': (_request, response) =>
      response.writeHead(206, { 'content-range': `bytes 0-0/${sizeBytes}` }).end('xx'),
    'a compressed body': (_request, response) =>
      response.writeHead(206, { 'content-range': `bytes 0-0/${sizeBytes}`, 'content-encoding': 'gzip' }).end('x'),
    'not found': (_request, response) => response.writeHead(404).end(),
    'an endless redirect': (_request, response) => response.writeHead(302, { location: '/again' }).end(),
    'too few bytes, always': (_request, response) =>
      response.writeHead(206, { 'content-range': `bytes 0-0/${sizeBytes}` }).end(),
  }
  for (const [name, handler] of Object.entries(hostile))
    test(name, async () => {
      const port = await serve(handler)
      await assert.rejects(openAt(port), (error: Error) => {
        assert.ok(error instanceof RemoteFileFailed, String(error))
        assert.ok(!error.message.includes('secret'), 'the signature is not told')
        return true
      })
    })

  test('a file that changes while it is read', async () => {
    let count = 0
    const port = await serve((request, response) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${sizeBytes}`, etag: `"${count++}"` })
      response.end(content.subarray(Number(first), Number(last) + 1))
    })
    const file = await openAt(port)
    await assert.rejects(file.read(0, Buffer.alloc(10)), /changed while it was being read/)
    await file.close()
  })

  test('hosts that are not on the list, other schemes, and credentials in the URL, without any look-up', async () => {
    let lookUps = 0
    const watching: Network = {
      ...loopback,
      resolve: async () => {
        lookUps++
        return ['127.0.0.1']
      },
    }
    const allowedHosts = ['files.example.com', 'http://plain.example.com']
    for (const url of [
      'https://other.example.com/x',
      'http://files.example.com/x',
      'https://plain.example.com/x',
      'https://user:pw@files.example.com/x',
      'file:///etc/passwd',
      'ftp://files.example.com/x',
      'nonsense',
      '',
    ])
      await assert.rejects(openRemoteFile(url, { allowedHosts }, undefined, watching), HostNotAllowed, url)
    assert.equal(lookUps, 0)
  })

  test('a listed name with an address inside, even among good ones, and listed addresses inside', async () => {
    for (const addresses of [['127.0.0.1'], ['1.1.1.1', '10.0.0.8'], ['::ffff:169.254.169.254']]) {
      const network = { ...internet, clock: impatient, resolve: async () => addresses }
      const opening = openRemoteFile('https://a.example.com/x', { allowedHosts: ['a.example.com'] }, undefined, network)
      await assert.rejects(opening, HostNotAllowed, addresses.join())
    }
    for (const host of ['127.0.0.1', '169.254.169.254', '[::1]', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]']) {
      const url = new URL(`https://${host}/x`)
      await assert.rejects(openRemoteFile(url.href, { allowedHosts: [url.hostname] }), HostNotAllowed, host)
    }
  })

  test('a redirect to a place that is not allowed, or inside', async () => {
    const targets = ['https://evil.example.net/', 'http://127.0.0.1:1/', 'file:///etc/passwd', '//inside.example.com/']
    for (const location of targets) {
      const port = await serve((_request, response) => response.writeHead(302, { location }).end())
      await assert.rejects(openAt(port), HostNotAllowed, location)
    }
    const port = await serve((_request, response) =>
      response.writeHead(307, { location: 'http://in.example.com/' }).end(),
    )
    const network: Network = {
      ...loopback,
      resolve: async host => [host === 'in.example.com' ? '10.0.0.1' : '127.0.0.1'],
      isReachable: address => address !== '10.0.0.1',
    }
    const allowedHosts = [`http://files.example.com:${port}`, 'http://in.example.com']
    const opening = openRemoteFile(`http://files.example.com:${port}/x`, { allowedHosts }, undefined, network)
    await assert.rejects(opening, HostNotAllowed)
  })

  test('a name that is asked for again is not looked up again: it can not be pointed elsewhere between two reads', async () => {
    const port = await serve(serveRanges)
    let lookUps = 0
    const rebinding: Network = {
      clock: impatient,
      resolve: async () => [lookUps++ === 0 ? '127.0.0.1' : '10.0.0.1'],
      isReachable: address => address === '127.0.0.1',
    }
    const file = await openAt(port, '/x', rebinding)
    await file.read(0, Buffer.alloc(1000))
    assert.equal(lookUps, 1)
    await file.close()
  })
})
