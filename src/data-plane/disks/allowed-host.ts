import { isIP } from 'node:net'

const defaultPort = { 'https:': '443', 'http:': '80' } as const
const entryForm = /^(?:(https?):\/\/)?(\*\.)?([^:/*]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?$/i

/**
 * Whether one of the operator's entries covers the URL. An entry is a host (`files.example.com`) or a suffix (`*.example.com`,
 * which does not cover `example.com` itself), with `http://` in front if that is to be allowed instead of https, and with a port
 * if it is not the scheme's own. Addresses are covered by exact entries only.
 */
export const isAllowedHost = (url: URL, allowedHosts: readonly string[]): boolean =>
  (url.protocol === 'https:' || url.protocol === 'http:') && allowedHosts.some(entry => covers(entry.trim(), url))

const covers = (entry: string, url: URL): boolean => {
  const [, scheme = 'https', star, host = '', port] = entryForm.exec(entry) ?? []
  const protocol = `${scheme.toLowerCase()}:` as keyof typeof defaultPort
  const expectedPort = port ?? defaultPort[protocol]
  const actualPort = url.port || defaultPort[url.protocol as keyof typeof defaultPort]
  if (host === '' || url.protocol !== protocol || actualPort !== expectedPort) return false
  const name = url.hostname.toLowerCase().replace(/\.$/, '')
  if (!star) return name === host.toLowerCase()
  return isIP(name) === 0 && name.endsWith(`.${host.toLowerCase()}`)
}
