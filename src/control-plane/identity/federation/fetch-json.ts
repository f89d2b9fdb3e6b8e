import * as http from 'node:http'
import * as https from 'node:https'

/** Gets a JSON document of an issuer; rejects for anything else, for what is too large, too slow, or elsewhere. */
export type FetchJson = (url: string, ca: string | undefined) => Promise<unknown>

const timeoutMs = 10_000
const mostBytes = 512 * 1024

/** By one plain GET, without redirects: what an operator named is fetched, and nothing else. */
export const fetchJson: FetchJson = async (url, ca) => {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const { request } = url.startsWith('https:') ? https : http
    const options = {
      agent: false as const,
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
      ...(ca !== undefined && { ca }),
    }
    const outgoing = request(url, options, incoming => {
      if (incoming.statusCode !== 200) {
        incoming.destroy()
        return reject(new Error(`${url} answered ${incoming.statusCode}.`))
      }
      const parts: Buffer[] = []
      let size = 0
      incoming.on('data', (part: Buffer) => {
        parts.push(part)
        size += part.length
        if (size > mostBytes) incoming.destroy(new Error(`${url} answered more than ${mostBytes} bytes.`))
      })
      incoming.on('end', () => resolve(Buffer.concat(parts)))
      incoming.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
  return JSON.parse(bytes.toString())
}
