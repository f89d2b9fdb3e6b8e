import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { FakeClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { catalogFile, catalogFolder, offeredImages, readCatalog } from './catalog-file.ts'
import type { CatalogImage, UrlSource } from './catalog-image.ts'
import { fileOf } from './catalog-image.ts'
import { fetchImage } from './fetch-image.ts'
import { startDownload } from './https-download.ts'

const mib = 2 ** 20
const disk = (first: string): Buffer =>
  Buffer.concat([Buffer.from(first.padEnd(512)), Buffer.alloc(21 * mib - 512, 'x')])
const sum = (bytes: Buffer, algorithm = 'sha256') => createHash(algorithm).update(bytes).digest('hex')

/** What the vendor has, by path; and what it was asked for. */
let files: Map<string, Buffer>
let asked: string[]
/** Cuts each answer off behind so many bytes. */
let cutBytes: number | undefined
let takesRanges: boolean
let server: https.Server
let origin: string
let folder: string

before(async () => {
  server = https.createServer(trustedTestCertificate(), (request, response) => {
    const url = request.url ?? ''
    asked.push(`${url} ${request.headers.range ?? ''}`.trim())
    if (url.startsWith('/to?')) return response.writeHead(302, { location: url.slice(4) }).end()
    const file = files.get(url)
    if (!file) return response.writeHead(404).end()
    const first = takesRanges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0
    if (first >= file.length) return response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
    const headers = { 'content-length': file.length - first, 'last-modified': 'Fri, 02 Jan 2026 10:00:00 GMT' }
    if (first > 0)
      response.writeHead(206, { ...headers, 'content-range': `bytes ${first}-${file.length - 1}/${file.length}` })
    else response.writeHead(200, headers)
    const isList = file.length < mib
    if (cutBytes === undefined || isList) return response.end(file.subarray(first))
    response.write(file.subarray(first, first + cutBytes), () => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => server.close().closeAllConnections())

beforeEach(async t => {
  files = new Map()
  asked = []
  cutBytes = undefined
  takesRanges = true
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-fetch-'))
  const made = folder
  ;(t as { after(work: () => Promise<void>): void }).after(() => fs.rm(made, { recursive: true, force: true }))
})

const image = (source: UrlSource, sku = 'gen2'): CatalogImage => ({
  publisher: 'Acme',
  offer: 'linux',
  sku,
  version: '3.1.0',
  osType: 'Linux',
  hyperVGeneration: 'V2',
  architecture: 'x64',
  source,
})
const offer = async (...images: CatalogImage[]) => {
  await fs.mkdir(catalogFolder(folder), { recursive: true })
  await fs.writeFile(catalogFile(folder), JSON.stringify({ images }))
}
const fetch = (source: UrlSource, clock = new FakeClock()) =>
  fetchImage({ source }, { dataFolder: folder, files: nodeFiles, clock })
/** A clock whose waits are over at once. */
const hasty = (): FakeClock => Object.assign(new FakeClock(), { sleep: async () => {} })
const left = async () => (await fs.readdir(catalogFolder(folder))).filter(name => name !== 'catalog.json')

test('an image with a sum is fetched, checked, and has its version in every SKU of that file', async () => {
  const bytes = disk('one')
  files.set('/a.img', bytes)
  const source: UrlSource = { url: `${origin}/a.img`, format: 'raw', sha256: sum(bytes) }
  await offer(image(source), image(source, 'gen1'))
  const { images, isNew } = await fetch(source)
  assert.ok(isNew)
  assert.deepEqual(images.map(({ sku, version }) => `${sku} ${version}`).sort(), ['gen1 3.1.0', 'gen2 3.1.0'])
  const [own] = offeredImages(await readCatalog(nodeFiles, folder)).filter(({ publisher }) => publisher === 'Acme')
  const file = own && fileOf(own)
  assert.deepEqual([file?.sha256, file?.diskBytes, file?.url], [sum(bytes), bytes.length, source.url])
  assert.ok((await fs.readFile(path.join(catalogFolder(folder), file?.file ?? ''))).equals(bytes))
  assert.equal((await fetch(source)).isNew, false)
  assert.deepEqual(asked, ['/a.img'], 'What is here is not fetched again.')
})

test('a vendor’s current image is checked by its list, and becomes a version with its date; a newer one stands beside it', async () => {
  const source: UrlSource = { url: `${origin}/current/b.img`, format: 'raw', checksums: `${origin}/current/SHA512SUMS` }
  const serve = (bytes: Buffer) => {
    files.set('/current/b.img', bytes)
    files.set('/current/SHA512SUMS', Buffer.from(`${'0'.repeat(128)}  other.img\n${sum(bytes, 'sha512')} *b.img\n`))
  }
  serve(disk('two'))
  await offer(image(source))
  assert.deepEqual(
    (await fetch(source)).images.map(({ version }) => version),
    ['3.1.20260102'],
  )
  assert.equal((await fetch(source)).isNew, false)
  serve(disk('three'))
  assert.ok((await fetch(source)).isNew)
})

test('what breaks off is gone on with where it was, also by another run', async () => {
  const bytes = disk('four')
  files.set('/c.img', bytes)
  const source: UrlSource = { url: `${origin}/c.img`, format: 'raw', sha256: sum(bytes) }
  await offer(image(source))
  cutBytes = 4 * mib
  await assert.rejects(fetch(source, hasty()), { name: 'DownloadFailed' })
  const [partial] = await left()
  assert.match(partial ?? '', /[.]partial$/)
  cutBytes = undefined
  await fetch(source)
  assert.ok(
    asked.slice(1).every(request => /bytes=\d+-$/.test(request)),
    asked.join('\n'),
  )
  assert.match(asked.at(-1) ?? '', /bytes=[1-9]/)
})

test('a server that can not go on in the middle sends all of it again', async () => {
  const bytes = disk('five')
  files.set('/d.img', bytes)
  const source: UrlSource = { url: `${origin}/d.img`, format: 'raw', sha256: sum(bytes) }
  await offer(image(source))
  cutBytes = 4 * mib
  takesRanges = false
  await assert.rejects(fetch(source, hasty()), { name: 'DownloadFailed' })
  cutBytes = undefined
  assert.ok((await fetch(source)).isNew)
})

test('a draft that is as long as its file, or longer, is fetched again', async () => {
  const bytes = disk('six')
  files.set('/h.img', bytes)
  const source: UrlSource = { url: `${origin}/h.img`, format: 'raw', sha256: sum(bytes) }
  for (const draft of [bytes, Buffer.concat([bytes, bytes])]) {
    await offer(image(source))
    await fs.writeFile(path.join(catalogFolder(folder), `${sum(bytes).slice(0, 16)}-h.img.partial`), draft)
    assert.ok((await fetch(source)).isNew)
  }
})

test('another file than the sum says is thrown away, and no image is offered for it', async () => {
  files.set('/e.img', disk('evil'))
  const source: UrlSource = { url: `${origin}/e.img`, format: 'raw', sha256: sum(disk('good')) }
  await offer(image(source))
  await assert.rejects(fetch(source), { name: 'FetchRefused', message: /is not what it has to be/ })
  assert.deepEqual(await left(), [])
  assert.deepEqual((await readCatalog(nodeFiles, folder)).images, [image(source)])
})

test('nothing is fetched of which nobody says what it has to be', async () => {
  files.set('/f.img', disk('six'))
  files.set('/SUMS', Buffer.from(`${'0'.repeat(64)}  g.img\n`))
  await assert.rejects(fetch({ url: `${origin}/f.img`, format: 'raw' }), { name: 'FetchRefused', message: /--sha256/ })
  await assert.rejects(fetch({ url: `${origin}/f.img`, format: 'raw', checksums: `${origin}/SUMS` }), {
    name: 'FetchRefused',
    message: /has no single SHA-256 or SHA-512 of f\.img/,
  })
  assert.deepEqual(asked, ['/SUMS'])
})

test('a hostile disk is refused although its sum is right', async () => {
  const bytes = disk('QFI\xfb\0\0\0\x03')
  files.set('/h.img', bytes)
  const source: UrlSource = { url: `${origin}/h.img`, format: 'qcow2', sha256: sum(bytes) }
  await offer(image(source))
  await assert.rejects(fetch(source), error => ['HostileDisk', 'UnsupportedDisk'].includes((error as Error).name))
  assert.deepEqual(await left(), [])
})

test('redirects lead to https addresses alone, and not in circles', async () => {
  files.set('/i.img', disk('seven'))
  const good = await startDownload(`${origin}/to?/i.img`, 0, {})
  good.close()
  assert.equal(good.url.href, `${origin}/i.img`)
  await assert.rejects(startDownload(`${origin}/to?http://127.0.0.1/i.img`, 0, {}), /only https is trusted, not http/)
  await assert.rejects(startDownload(`${origin}/to?file:///etc/passwd`, 0, {}), /only https is trusted, not file/)
  files.delete('/i.img')
  await assert.rejects(startDownload(`${origin}/i.img`, 0, {}), /answered 404/)
})
