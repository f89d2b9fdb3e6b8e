import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, type JWTPayload, SignJWT } from 'jose'

interface Key {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const newKey = (kid: string): Key => ({ kid, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) })

/** An OpenID Connect issuer on loopback, with one key at a time. For tests. */
export const startTestIssuer = async () => {
  let key = newKey('first')
  const asked: string[] = []
  let answers: Record<string, () => unknown> = {}
  const server = http.createServer(async (request, response) => {
    asked.push(request.url ?? '')
    const answer = answers[request.url ?? '']
    if (!answer) return response.writeHead(404).end()
    const body = await answer()
    if (typeof body === 'string' && body.startsWith('http')) return response.writeHead(302, { location: body }).end()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/test`
  const discovery = new URL(`${issuer}/.well-known/openid-configuration`).pathname
  const jwks = new URL(`${issuer}/keys`).pathname
  const publicJwk = async () => ({ ...(await exportJWK(key.publicKey)), kid: key.kid, alg: 'RS256', use: 'sig' })
  answers = {
    [discovery]: () => ({ issuer, jwks_uri: `${issuer}/keys` }),
    [jwks]: async () => ({ keys: [await publicJwk()] }),
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  return {
    issuer,
    /** The paths that were asked for. */
    asked,
    /** What the paths answer; a URL is redirected to. */
    answers,
    discovery,
    jwks,
    rotate(kid: string) {
      key = newKey(kid)
    },
    sign: (claims: JWTPayload, header: object = {}, by = key) =>
      new SignJWT({ iss: issuer, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header })
        .sign(by.privateKey),
    /** Signed by somebody else's key, under the name of this issuer's. */
    forge(claims: JWTPayload, header: object = {}) {
      return this.sign(claims, header, newKey(key.kid))
    },
    unsigned: (claims: JWTPayload) => `${part({ alg: 'none', kid: key.kid })}.${part({ iss: issuer, ...claims })}.`,
    /** Signed with what everybody knows, the public key, as if it were a secret. */
    async signedWithPublicKey(claims: JWTPayload) {
      const text = `${part({ alg: 'HS256', kid: key.kid })}.${part({ iss: issuer, ...claims })}`
      const pem = key.publicKey.export({ type: 'spki', format: 'pem' })
      return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
