import * as https from 'node:https'
import type { Socket } from 'node:net'
import { NodeUnreachable } from './faults.ts'
import type { NodeAccess } from './join.ts'
import { Wire, type WireParts } from './wire.ts'

/** What both ends must speak; a later version gets another name. */
export const PROTOCOL = 'opengallery-store-3'

interface ConnectParts extends WireParts {
  readonly connectLimitMs: number
}

/**
 * A connection to a region's store: TLS to a certificate of the region's own authority and to no other, then the token, then HTTP's
 * upgrade to our protocol. The token is never sent to anybody else.
 */
export const connect = (url: string, access: NodeAccess, parts: ConnectParts): Promise<Wire> =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url)
    const fail = (why: string, cause?: unknown) => reject(new NodeUnreachable(url, why, { cause }))
    const request = https.request({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || 443,
      path: `/v1/stores${pathname}`,
      headers: { connection: 'Upgrade', upgrade: PROTOCOL, authorization: `Bearer ${access.token}` },
      ca: access.ca,
      minVersion: 'TLSv1.3',
      agent: false,
    })
    request.setTimeout(parts.connectLimitMs, () =>
      request.destroy(new Error(`no answer in ${parts.connectLimitMs} ms`)),
    )
    request.on('error', error => fail((error as NodeJS.ErrnoException).code ?? error.message, error))
    request.on('response', response => {
      fail(refusals[response.statusCode ?? 0] ?? `it answered ${response.statusCode}`)
      request.destroy()
    })
    request.on('upgrade', (_response, socket: Socket, first: Buffer) => {
      socket.setTimeout(0)
      resolve(new Wire(socket, parts, first))
    })
    request.end()
  })

const refusals: Readonly<Record<number, string>> = {
  401: 'it does not know our token; join it again',
  404: 'it has no store of that name',
  426: 'it speaks another version of the protocol',
}
