// The yardstick of the http benchmarks: Fastify over TLS, one route that answers a GET with stored JSON and a PUT with its parsed body.
// Run as a process of its own: node bare-fastify.ts KEY CERTIFICATE BODY, prints its port.
import * as fs from 'node:fs'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'

const [, , key = '', cert = '', body = ''] = process.argv
const answer = fs.readFileSync(body, 'utf8')
const app = Fastify({
  https: { key: fs.readFileSync(key), cert: fs.readFileSync(cert) },
  routerOptions: { maxParamLength: 2048 },
})
app.get('/*', async (_, reply) => reply.header('content-type', 'application/json; charset=utf-8').send(answer))
app.put('/*', async request => request.body)
await app.listen({ host: '127.0.0.1', port: 0 })
console.log((app.server.address() as AddressInfo).port)
