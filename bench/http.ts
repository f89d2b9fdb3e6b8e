import { bareFastify, costOf, definitionBody, definitionOf, openServer, publishOne, urlOf } from './http-tools.ts'
import { type Benchmark, sideBySide } from './measure.ts'

const seconds = 5
const runs = 3

/** GET of a version and PUT of a new definition, beside a bare Fastify over TLS that does nothing but answer. */
export const http: Benchmark = async tools => {
  const opened = await openServer(tools)
  const { server, token, send, scope } = opened
  const version = await publishOne(opened)
  const { body } = await send('GET', version)
  const bare = await bareFastify(tools, JSON.stringify(body))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }

  tools.say(`GET of a version, ${runs} times ${seconds} s each`)
  const get = await sideBySide(
    runs,
    () => costOf(urlOf(server, version), { seconds, headers }),
    () => costOf(`${bare}${version}`, { seconds, headers }),
  )

  tools.say(`PUT of ${definitions} definitions in turn, each with another description`)
  const bodyOf = (index: number, description: string) => {
    const identifier = { publisher: 'p', offer: 'o', sku: `s${index}` }
    return { ...definitionBody, properties: { ...definitionBody.properties, identifier, description } }
  }
  for (let index = 0; index < definitions; index++)
    await send('PUT', definitionOf(scope, `d${index}`), bodyOf(index, ''))
  let count = 0
  const place = new URL(urlOf(server, scope))
  const next = () => {
    const index = ++count % definitions
    const body = JSON.stringify(bodyOf(index, `change ${count}`))
    return { path: `${definitionOf(scope, `d${index}`)}${place.search}`, body }
  }
  const put = await sideBySide(
    runs,
    () => costOf(place.origin, { seconds, method: 'PUT', headers, next }),
    () => costOf(bare, { seconds, method: 'PUT', headers, next }),
  )
  const rate = (cost: number) => Math.round(1000 / cost)
  tools.say(`GET ${rate(get.ours)} a second, bare ${rate(get.beside)}; PUT ${rate(put.ours)}, bare ${rate(put.beside)}`)
  const name = 'bare Fastify over TLS'
  return [
    { metric: 'get-version', unit: 'ms per request', ...get, name, must: 5 },
    { metric: 'put-definition', unit: 'ms per request', ...put, name, must: 30 },
  ]
}

/** More than there are connections, so that no two write the same one at once. */
const definitions = 200
