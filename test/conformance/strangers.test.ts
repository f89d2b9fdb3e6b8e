import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import * as tls from 'node:tls'
import { startTestServer, type TestServer } from '../support/test-server.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server?.stop())

/** What comes back of bytes that are no request, or hardly one, until the server hangs up. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url)
    const socket = tls.connect({ host: hostname, port: Number(port), ca: server.ca }, () =>
      socket.write(text, 'latin1'),
    )
    const parts: Buffer[] = []
    socket.setTimeout(10_000, () => socket.destroy(new Error('The server does not hang up.')))
    socket.on('data', part => parts.push(part))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(parts).toString()))
  })

const close = 'host: x\r\nconnection: close\r\n\r\n'

test('what is hardly HTTP is refused in ARM’s envelope, or as a stranger', async () => {
  for (const [text, status] of [
    ['nonsense\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nbad header\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\nhost: x\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    [`GET https://evil.example/subscriptions HTTP/1.1\r\n${close}`, 401],
    [`OPTIONS * HTTP/1.1\r\n${close}`, 401],
    [`GET /subscriptions/%zz HTTP/1.1\r\n${close}`, 401],
    [`GET /opengallery/status HTTP/1.1\r\n${close}`, 401],
    [`PUT /subscriptions HTTP/1.1\r\nexpect: nothing\r\n${close}`, 401],
  ] as const) {
    const answer = await raw(text)
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 80))
    assert.match(answer, /\{"error":\{"code":"\w+","message":"/, text.slice(0, 80))
  }
})

test('a stranger is refused before the body has come', async () => {
  const answer = await raw(`PUT /subscriptions/s HTTP/1.1\r\ncontent-length: 4000000\r\n${close}{`)
  assert.match(answer, /^HTTP\/1.1 401 /)
})

test('nobody else on the machine can read the data folder', async () => {
  const open: string[] = []
  for (const name of ['', ...(await fs.readdir(server.dataFolder, { recursive: true }))]) {
    const { mode } = await fs.stat(path.join(server.dataFolder, name))
    if (mode & 0o077) open.push(`${name} ${(mode & 0o777).toString(8)}`)
  }
  assert.deepEqual(open, [])
})
