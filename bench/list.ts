import { bareFastify, definitionOf, urlOf } from './http-tools.ts'
import { serverWithVersions, versionCount } from './many-versions.ts'
import { type Benchmark, secondsOf, sideBySide } from './measure.ts'

/** A list of 10,000 versions, beside a bare Fastify that sends the same bytes from memory. */
export const list: Benchmark = async tools => {
  const { server, token, scope } = await serverWithVersions(tools)
  const headers = { authorization: `Bearer ${token}` }
  const read = async (first: string) => {
    const pages: string[] = []
    let count = 0
    for (let url: string | undefined = first; url; ) {
      const answer: Response = await fetch(url, { headers })
      const text = await answer.text()
      const page = JSON.parse(text) as { value: { name: string }[]; nextLink?: string }
      count += page.value.length
      pages.push(text)
      url = page.nextLink
    }
    if (count !== versionCount) throw new Error(`The list has ${count} versions.`)
    return pages
  }
  const url = urlOf(server, `${definitionOf(scope)}/versions`)
  const pages = await read(url)
  const bytes = pages.reduce((sum, page) => sum + Buffer.byteLength(page), 0)
  tools.say(`${versionCount} versions in ${pages.length} page(s), ${(bytes / 2 ** 20).toFixed(1)} MiB`)
  const all = JSON.stringify({ value: pages.flatMap(page => (JSON.parse(page) as { value: unknown[] }).value) })
  const bare = await bareFastify(tools, all)
  const cost = await sideBySide(
    5,
    () => secondsOf(() => read(url)),
    () => secondsOf(() => read(`${bare}/versions`)),
  )
  return [{ metric: 'list-10000-versions', unit: 's', ...cost, name: 'the same bytes from memory', must: 20 }]
}
