import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { failingFiles, PowerCut } from './failing-files.ts'
import { prepareIdentity } from './first-start.ts'
import { openIdentity } from './identity.ts'

const inFolder = async (work: (folder: string) => Promise<void>) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'first-start-'))
  try {
    await work(folder)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** One life of the server: opens everything, prepares the identity, asks it something, closes. */
const life = async <T>(
  folder: string,
  use: (started: Awaited<ReturnType<typeof prepareIdentity>>, isRight: (secret: string) => Promise<boolean>) => T,
  {
    files = nodeFiles,
    wrap = (database: Database) => database,
  }: { files?: Files; wrap?: (d: Database) => Database } = {},
): Promise<Awaited<T>> => {
  const database = openSqlite(path.join(folder, 'db'))
  try {
    const parts = { clock: new FakeClock(), random: systemRandom, log: silentLog, origins: () => ['https://here'] }
    const identity = await openIdentity({ database, ...parts })
    const started = await prepareIdentity(folder, { database: wrap(database), files, identity })
    return await use(started, async secret => {
      const known = await identity.directory.find({ appId: started.clientId })
      return (await identity.checkSecret({ name: 'admin', secret, known, remote: '::1' })).is === 'right'
    })
  } finally {
    await database.close()
  }
}

test('the first start makes an administrator whose secret is in a file for the owner only', () =>
  inFolder(async folder => {
    const first = await life(folder, async (started, isRight) => {
      assert.equal(started.isNew, true)
      assert.equal(await isRight(started.clientSecret as string), true)
      assert.equal(await isRight(`${started.clientSecret}x`), false)
      for (const name of ['admin.json', 'db', 'db-wal', 'db-shm'])
        assert.equal((await fs.stat(path.join(folder, name))).mode & 0o777, 0o600, name)
      return started
    })
    const file = path.join(folder, 'admin.json')
    const { isNew, adminFile, ...written } = first
    assert.deepEqual(JSON.parse(await fs.readFile(file, 'utf8')), written)
    assert.deepEqual(await life(folder, started => started), { ...first, isNew: false })
  }))

test('the secret is not kept where a thief of the database finds it', () =>
  inFolder(async folder => {
    const secret = await life(folder, started => started.clientSecret as string)
    for (const name of await fs.readdir(folder))
      if (name !== 'admin.json')
        assert.equal((await fs.readFile(path.join(folder, name))).includes(secret), false, name)
  }))

test('the owner may remove or damage the file: the ids stay, the secret is not shown again', () =>
  inFolder(async folder => {
    const { clientSecret, ...first } = await life(folder, started => started)
    await fs.rm(first.adminFile)
    const again = await life(folder, async (started, isRight) => {
      assert.equal(await isRight(clientSecret as string), true)
      return started
    })
    assert.deepEqual(again, { ...first, isNew: false })
    await fs.writeFile(first.adminFile, '{ "tenantId"')
    assert.deepEqual(await life(folder, started => started), { ...first, isNew: false })
  }))

test('a power cut at any change of a file leaves nothing that the next start does not finish', () =>
  inFolder(async root => {
    const whole = failingFiles(nodeFiles, Number.POSITIVE_INFINITY)
    await fs.mkdir(path.join(root, 'whole'))
    await life(path.join(root, 'whole'), () => {}, { files: whole })
    assert.ok(whole.changes() >= 5)
    for (let nth = 1; nth <= whole.changes(); nth++) {
      const folder = path.join(root, String(nth))
      await fs.mkdir(folder)
      await assert.rejects(
        life(folder, () => {}, { files: failingFiles(nodeFiles, nth) }),
        PowerCut,
      )
      await life(folder, async (started, isRight) => assert.equal(await isRight(started.clientSecret as string), true))
    }
  }))

test('a power cut before or after the commit keeps the ids and the secret of the file', () =>
  inFolder(async root => {
    for (const when of ['before', 'after']) {
      const folder = path.join(root, when)
      await fs.mkdir(folder)
      const wrap = (database: Database): Database => ({
        ...database,
        async transact(work) {
          if (when === 'after') await database.transact(work)
          throw new PowerCut()
        },
      })
      await assert.rejects(
        life(folder, () => {}, { wrap }),
        PowerCut,
      )
      const written = JSON.parse(await fs.readFile(path.join(folder, 'admin.json'), 'utf8'))
      await life(folder, async ({ isNew, adminFile, ...started }, isRight) => {
        assert.deepEqual(started, written)
        assert.equal(isNew, when === 'before')
        assert.equal(await isRight(written.clientSecret), true)
      })
    }
  }))
