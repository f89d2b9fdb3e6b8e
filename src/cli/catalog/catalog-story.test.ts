import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { before, test } from 'node:test'
import { fixedVhd } from '../../../test/scenarios/disk-image.ts'
import { runCommand } from '../test-shell.ts'

let folder: string
let file: string
before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-catalog-'))
  file = path.join(folder, 'acme.vhd')
  await fs.writeFile(file, fixedVhd(Buffer.alloc(20 * 2 ** 20, 'a')))
})

const catalog = (...args: string[]) => runCommand(['catalog', ...args, '--data', path.join(folder, 'data')])
const listed = async (): Promise<Record<string, unknown>[]> =>
  JSON.parse((await catalog('list', '--json')).stdout).images

test('an image of one’s own is added, listed, replaced and removed; its file stays', async t => {
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const before = await listed()
  const urn = 'Acme:linux:gen1:1.0.0'
  const added = await catalog('add', file, '--urn', urn, '--alias', 'Acme', 'Other', '--feature', 'A=b')
  assert.equal(added.exitCode, 0, added.stderr)
  const acme = (await listed()).find(image => image.publisher === 'Acme')
  assert.deepEqual(
    { ...acme, source: { ...(acme?.source as object), sha256: undefined } },
    {
      publisher: 'Acme',
      offer: 'linux',
      sku: 'gen1',
      version: '1.0.0',
      osType: 'Linux',
      hyperVGeneration: 'V1',
      architecture: 'x64',
      features: [{ name: 'A', value: 'b' }],
      aliases: ['Acme', 'Other'],
      source: { file, format: 'vhd', sha256: undefined, diskBytes: 20 * 2 ** 20 },
    },
  )
  assert.match((await catalog('list')).stdout, /Acme:linux:gen1:1[.]0[.]0 +Acme, Other +V1 +20 MB +ready/)
  assert.match((await catalog('add', file, '--urn', urn)).stderr, /already.*\n.*--force/)
  assert.equal((await catalog('add', file, '--urn', urn, '--alias', 'Acme', '--force')).exitCode, 0)
  assert.match((await catalog('fetch', 'Acme')).stderr, /a file of yours/)
  assert.equal((await catalog('remove', 'acme')).exitCode, 0)
  assert.deepEqual(await listed(), before)
  assert.ok(await fs.stat(file))
})

test('a shipped image can be taken out', async () => {
  assert.equal((await catalog('remove', 'Debian11')).exitCode, 0)
  const left = await listed()
  assert.equal(left.filter(image => image.offer === 'debian-11').length, 1)
  assert.match((await catalog('remove', 'Debian11')).stderr, /has no image Debian11/)
})

test('what is wrongly called is told, and changes nothing', async () => {
  const before = await listed()
  for (const [args, said] of [
    [['add', 'x.raw', '--urn', 'Acme:linux:gen1'], /three numbers/],
    [['add', 'http://example.org/x.img', '--urn', 'a:b:c:1.0.0'], /https alone/],
    [['add', 'https://example.org/x.img', '--urn', 'a:b:c:1.0.0'], /--generation and --format/],
    [
      [
        'add',
        'https://example.org/x.img',
        '--urn',
        'a:b:c:1.0.0',
        '--generation',
        'V2',
        '--format',
        'raw',
        '--fetch-on-use',
      ],
      /needs --sha256/,
    ],
    [['fetch', 'Tiny'], /built, not fetched/],
    [['build', 'gigantic'], /Allowed choices are tiny, debian/],
  ] as const) {
    const { exitCode, stderr } = await catalog(...args)
    assert.notEqual(exitCode, 0)
    assert.match(stderr, said)
  }
  assert.deepEqual(await listed(), before)
})
